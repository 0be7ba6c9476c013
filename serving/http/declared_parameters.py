"""Routes that refuse query parameters which they do not declare: a misspelt filter must not answer with everybody."""

from collections import Counter
from collections.abc import Collection
from typing import Any, get_args, get_origin

from fastapi import Depends, Request, params
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from serving.http.errors import ApiError

MAX_SHOWN_LENGTH = 60


def _declared(dependant: Dependant) -> dict[str, bool]:
    """Return the names of the query parameters of a route and of everything it depends on, and whether each may repeat."""
    declared = {parameter.alias: _is_sequence(parameter.field_info.annotation) for parameter in dependant.query_params}
    for child in dependant.dependencies:
        declared |= _declared(child)
    return declared


def _is_sequence(annotation: Any) -> bool:  # noqa: ANN401  # any type
    """Return whether a type, or one of a union, is a collection of values."""
    origin = get_origin(annotation) or annotation
    if isinstance(origin, type) and not issubclass(origin, str):
        return issubclass(origin, Collection) or any(map(_is_sequence, get_args(annotation)))
    return origin is not annotation and any(map(_is_sequence, get_args(annotation)))


async def _refuse_undeclared(request: Request) -> None:
    """Raise ApiError 422 for a parameter that the route lacks, or one of a single value that is given twice."""
    declared = _declared(request.scope["route"].dependant)
    counts = Counter(name for name, _ in request.query_params.multi_items())
    for name, count in counts.items():
        if name not in declared:
            allowed = f"its parameters are {', '.join(sorted(declared))}" if declared else "it has none"
            raise ApiError(422, f"This route has no parameter {_shown(name)}; {allowed}.", _shown(name))
        if count > 1 and not declared[name]:
            raise ApiError(422, f"The parameter {name} is given {count} times; give it once.", name)


def _shown(name: str) -> str:
    """Return a name that a client made up, as far as it can be shown."""
    return name[:MAX_SHOWN_LENGTH] if name.isprintable() and name else "(unreadable)"


DECLARED_ONLY: params.Depends = Depends(_refuse_undeclared)


class DeclaredRoute(APIRoute):
    """A route whose last dependency refuses query parameters that it does not declare, so that access is checked first.

    A route for GET answers HEAD too; the server leaves out the body.
    """

    def __init__(self, *arguments: Any, dependencies: list[params.Depends] | None = None, **options: Any) -> None:  # noqa: ANN401
        """Add the dependency, once: including a router builds its routes again."""
        others = [dependency for dependency in dependencies or [] if dependency is not DECLARED_ONLY]
        super().__init__(*arguments, dependencies=[*others, DECLARED_ONLY], **options)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether the route answers a request."""
        return super().matches(self._head_as_get(scope))

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await super().handle(self._head_as_get(scope), receive, send)

    def _head_as_get(self, scope: Scope) -> Scope:
        is_head = scope["type"] == "http" and scope["method"] == "HEAD" and "GET" in (self.methods or ())
        return {**scope, "method": "GET"} if is_head else scope
