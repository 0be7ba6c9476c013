"""The gate around all routes: who comes, how much and how slowly, for how long; headers, logs and metrics of each answer."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from time import perf_counter
from typing import Any

from anyio import to_thread
from starlette.responses import Response

from serving.http.auth import ANONYMOUS, DEVELOPER, Authenticator, is_loopback, names_loopback
from serving.http.error_mapping import as_api_error
from serving.http.errors import INTERNAL, ApiError
from serving.http.logging import open_log, where_of
from serving.http.metrics import REQUEST_SECONDS, REQUESTS
from serving.http.paths import POLICY, STATIC, is_page
from serving.http.state import ServiceState
from serving.store.keys import Client

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]
ErrorRenderer = Callable[[Message, ApiError], Response]

SECURITY = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)


PAGE_SECURITY = tuple((dict(SECURITY) | {b"content-security-policy": POLICY, b"referrer-policy": b"same-origin"}).items())


class Gate:
    """Everything that holds for every route, around `api`; `render_error` turns an error into the response that fits its path."""

    def __init__(self, api: App, state: ServiceState, render_error: ErrorRenderer) -> None:
        """Wrap the routes of a worker."""
        self.api, self.state, self.render_error = api, state, render_error
        self.turnstile, self.log = Authenticator(state), open_log()
        self.settings = state.settings.serving

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens."""
        if scope["type"] != "http":
            await self.api(scope, receive, send)
            return
        to_thread.current_default_thread_limiter().total_tokens = self.settings.threads
        visit = RequestContext(scope, send, self.render_error)
        try:
            body = await self._let_in(scope, receive)
            async with asyncio.timeout(self.settings.request_seconds):
                await self.api(scope, _replayed(body, receive), visit.send)
        except Exception as error:  # noqa: BLE001  # the last resort: whatever it is, the client gets an answer
            scope.setdefault("holdfast.fault", where_of(error))
            await visit.fail(as_api_error(error))
        finally:
            self._remember(visit, scope)

    async def _let_in(self, scope: Message, receive: Receive) -> bytes:
        """Say who it is before anything is read, then read the body within its bounds. Raises ApiError."""
        headers = dict(scope["headers"])
        scope["holdfast.client"] = await self._client(scope, headers)
        most = self.settings.max_body_bytes
        if int(headers.get(b"content-length", b"0") or 0) > most:
            raise ApiError(413, f"At most {most:,} bytes per request.")
        try:
            async with asyncio.timeout(self.settings.body_seconds):
                return await _read(receive, most)
        except TimeoutError:
            raise ApiError(408, f"The body should come within {self.settings.body_seconds:g} seconds.") from None

    async def _client(self, scope: Message, headers: dict[bytes, bytes]) -> Client:
        if self.turnstile.is_open(scope["path"]):
            return ANONYMOUS
        if self.settings.development:
            host = headers.get(b"host", b"localhost").decode("latin-1")
            if not (is_loopback(scope.get("server")) and is_loopback(scope.get("client")) and names_loopback(host)):
                raise ApiError(403, "Development mode answers on a loopback address only.", code="development")
            return DEVELOPER
        if scope["path"].startswith(STATIC):
            return ANONYMOUS
        if is_page(scope["path"]):
            client = await self.turnstile.visitor(headers.get(b"cookie", b"").decode("latin-1"))
        else:
            client = await self.turnstile.client(headers.get(b"authorization", b"").decode("latin-1"))
        if client is not ANONYMOUS:
            self.turnstile.count(client)
        return client

    def _remember(self, visit: "RequestContext", scope: Message) -> None:
        seconds, client = perf_counter() - visit.started, scope.get("holdfast.client", ANONYMOUS)
        fault = scope.get("holdfast.fault")
        if fault is not None and visit.status >= INTERNAL:
            self.log.error("fault", request_id=visit.request_id, route=visit.route, **fault)
        REQUESTS.labels(visit.route, visit.method, visit.status).inc()
        REQUEST_SECONDS.labels(visit.route).observe(seconds)
        self.log.info(
            "request",
            request_id=visit.request_id,
            client=client.name,
            method=visit.method,
            route=visit.route,
            status=visit.status,
            ms=round(1000 * seconds, 2),
        )


class RequestContext:
    """One request and what has been answered so far."""

    def __init__(self, scope: Message, send: Send, render_error: ErrorRenderer) -> None:
        """Begin."""
        self.scope, self._send, self._render_error = scope, send, render_error
        self.request_id, self.started, self.status = secrets.token_hex(8), perf_counter(), 0
        scope["holdfast.request_id"] = self.request_id

    @property
    def route(self) -> str:
        """The route as it is written in the code: no id is in it."""
        route = self.scope.get("route")
        return getattr(route, "path_format", None) or "unmatched"

    @property
    def method(self) -> str:
        """The method, of those there are: a client may write anything."""
        method = str(self.scope["method"])
        return method if method in {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"} else "other"

    async def send(self, message: Message) -> None:
        """Pass an answer on, with the headers that every answer has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = {name for name, _ in message["headers"]}
            usual = PAGE_SECURITY if is_page(self.scope["path"]) else SECURITY
            added = [each for each in usual if each[0] not in own]
            message["headers"] = [*message["headers"], *added, (b"x-request-id", self.request_id.encode())]
        await self._send(message)

    async def fail(self, error: ApiError) -> None:
        """Answer with an error, where nothing has been answered yet."""
        if not self.status:
            await self._render_error(self.scope, error)(self.scope, _nothing, self.send)


async def _read(receive: Receive, most: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ApiError(400, "The connection was closed before the body came.")
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise ApiError(413, f"At most {most:,} bytes per request.")
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body that was read, and then whatever comes."""
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _nothing() -> Message:
    return {"type": "http.disconnect"}
