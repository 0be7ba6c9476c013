"""Routes that accept strict JSON only."""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import Response

from serving.http.declared_parameters import DeclaredRoute


class StrictJsonRequest(Request):
    """A request whose body must be strict JSON: no NaN, no lone surrogates, and bounded nesting."""

    async def json(self) -> Any:  # noqa: ANN401  # whatever JSON can express
        """Return the parsed body. Raises orjson.JSONDecodeError, which is a ValueError like the standard library's."""
        if not hasattr(self, "_json"):
            self._json = orjson.loads(await self.body())
        return self._json


class StrictRoute(DeclaredRoute):
    """A route that parses its body as strict JSON, and accepts only the parameters it declares."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that passes the route a StrictJsonRequest."""
        handle = super().get_route_handler()

        async def handle_strict(request: Request) -> Response:
            return await handle(StrictJsonRequest(request.scope, request.receive))

        return handle_strict
