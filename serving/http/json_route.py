"""Routes that read JSON by the letter."""

from collections.abc import Callable, Coroutine
from typing import Any

import orjson
from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response


class StrictJson(Request):
    """A request whose body is JSON by the letter: no NaN, no lone surrogates, and no depth without end."""

    async def json(self) -> Any:  # noqa: ANN401  # whatever JSON can express
        """Return what the body says. Raises orjson.JSONDecodeError, which is a ValueError like the standard one."""
        if not hasattr(self, "_json"):
            self._json = orjson.loads(await self.body())
        return self._json


class StrictRoute(APIRoute):
    """A route that reads its body so."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Hand the route a strict request."""
        handle = super().get_route_handler()

        async def strictly(request: Request) -> Response:
            return await handle(StrictJson(request.scope, request.receive))

        return strictly
