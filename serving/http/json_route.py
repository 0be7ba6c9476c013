"""Routes that accept strict JSON only."""

from collections.abc import Callable, Coroutine
from email.message import Message
from typing import Any

import orjson
from fastapi import Request
from starlette.responses import Response

from serving.http.declared_parameters import DeclaredRoute
from serving.http.errors import ApiError

UTF_8 = {"utf-8", "utf8", "us-ascii"}


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
            if self.body_field is not None:
                await _refuse_other_types(request)
            return await handle(StrictJsonRequest(request.scope, request.receive))

        return handle_strict


async def _refuse_other_types(request: Request) -> None:
    """Raise ApiError 415 unless the Content-Type is JSON in UTF-8."""
    header = Message()
    header["content-type"] = request.headers.get("content-type", "")
    kind, charset = header.get_content_type(), (header.get_content_charset() or "utf-8").lower()
    if "content-type" not in request.headers or not (kind == "application/json" or kind.endswith("+json")):
        raise ApiError(415, "The body must be JSON: send Content-Type: application/json.", "body")
    if charset not in UTF_8:
        raise ApiError(415, "JSON must be in UTF-8: send Content-Type: application/json.", "body")
