"""The middleware around all routes: authentication, limits of size and time, and headers, logs and metrics of each response."""

import asyncio
from collections.abc import Callable
from time import perf_counter

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.http.auth import ANONYMOUS, DEVELOPER, Authenticator, is_loopback, is_loopback_host, session_cookie_name
from serving.http.content_coding import GzipSender, accepts_gzip, decoded_body
from serving.http.error_mapping import as_api_error
from serving.http.errors import INTERNAL, ApiError
from serving.http.logging import error_location, open_log
from serving.http.metrics import REQUEST_SECONDS, REQUESTS
from serving.http.paths import CONTENT_POLICY, STATIC, is_page, strip_version
from serving.http.proxy import address_of, locate, prefix_of
from serving.http.request_id import request_id_of
from serving.http.state import ServiceState
from serving.store.keys import Client

ErrorRenderer = Callable[[Scope, ApiError], Response]

METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
PAGE_SECURITY_HEADERS = tuple(
    (dict(SECURITY_HEADERS) | {b"content-security-policy": CONTENT_POLICY, b"referrer-policy": b"same-origin"}).items()
)


class RequestMiddleware:
    """Apply the rules of every route around `api`; `render_error` turns an error into the response that fits its path."""

    def __init__(self, api: ASGIApp, state: ServiceState, render_error: ErrorRenderer) -> None:
        """Wrap the routes of a worker."""
        self.api, self.state, self.render_error = api, state, render_error
        self.authenticator, self.log = Authenticator(state), open_log()
        self.settings = state.settings.serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request; every request gets a response."""
        if scope["type"] != "http":
            await self.api(scope, receive, send)
            return
        to_thread.current_default_thread_limiter().total_tokens = self.settings.threads
        locate(scope, dict(scope["headers"]), self.settings)
        strip_version(scope)
        context = RequestContext(scope, send, self.render_error, self.settings.request_seconds)
        try:
            body = await self._authenticated_body(scope, receive)
            async with context.time_limit:
                await self.api(scope, _replay(body, receive), context.send)
        except Exception as error:  # noqa: BLE001  # the last resort: for any error the client gets a response
            scope.setdefault("holdfast.fault", error_location(error))
            await context.fail(as_api_error(error))
        finally:
            self._log_request(context, scope)

    async def _authenticated_body(self, scope: Scope, receive: Receive) -> bytes:
        """Identify the client before reading anything, then read the body within its limits. Raises ApiError."""
        headers = dict(scope["headers"])
        scope["holdfast.client"] = await self._client(scope, headers)
        max_bytes = self.settings.max_body_bytes
        if int(headers.get(b"content-length", b"0") or 0) > max_bytes:
            raise ApiError(413, f"At most {max_bytes:,} bytes per request.")
        try:
            async with asyncio.timeout(self.settings.body_seconds):
                body = await _read_body(receive, max_bytes)
        except TimeoutError:
            message = f"The body did not arrive within {self.settings.body_seconds:g} seconds."
            raise ApiError(408, message) from None
        return decoded_body(body, headers, max_bytes)

    async def _client(self, scope: Scope, headers: dict[bytes, bytes]) -> Client:
        if self.authenticator.is_open(scope["path"]):
            return ANONYMOUS
        if self.settings.development:
            host = headers.get(b"host", b"localhost").decode("latin-1")
            if not (is_loopback(scope.get("server")) and is_loopback(scope.get("client")) and is_loopback_host(host)):
                raise ApiError(403, "Development mode answers on a loopback address only.", code="development")
            return DEVELOPER
        if scope["path"].startswith(STATIC):
            return ANONYMOUS
        if is_page(scope["path"]):
            name = session_cookie_name(Request(scope))
            client = await self.authenticator.session_client(headers.get(b"cookie", b"").decode("latin-1"), name)
        else:
            key = headers.get(b"authorization", b"").decode("latin-1")
            client = await self.authenticator.key_client(key, address_of(scope))
        if client is not ANONYMOUS:
            scope["holdfast.headers"] = self.authenticator.count_request(client)
        return client

    def _log_request(self, context: "RequestContext", scope: Scope) -> None:
        """Write the request to the log and the metrics."""
        seconds, client = perf_counter() - context.started, scope.get("holdfast.client", ANONYMOUS)
        fault = scope.get("holdfast.fault")
        if fault is not None and context.status >= INTERNAL:
            self.log.error("fault", request_id=context.request_id, route=context.route, **fault)
        REQUESTS.labels(context.route, context.method, context.status).inc()
        REQUEST_SECONDS.labels(context.route).observe(seconds)
        self.log.info(
            "request",
            request_id=context.request_id,
            client=client.name,
            method=context.method,
            route=context.route,
            status=context.status,
            ms=round(1000 * seconds, 2),
        )


class RequestContext:
    """One request: its id, when it started, and the status of its response, 0 until that has started."""

    def __init__(self, scope: Scope, send: Send, render_error: ErrorRenderer, seconds: float) -> None:
        """Start the clock and give the request an id; `seconds` may pass until the response, and between its parts."""
        self.scope, self._render_error, self._seconds = scope, render_error, seconds
        accepted = accepts_gzip(scope["headers"]) and scope["method"] != "HEAD" and not is_page(scope["path"])
        self._send = send if is_page(scope["path"]) else GzipSender(send, accepted=accepted)
        self.request_id, self.started, self.status = request_id_of(scope["headers"]), perf_counter(), 0
        self.time_limit = asyncio.timeout(seconds)
        scope["holdfast.request_id"] = self.request_id

    @property
    def route(self) -> str:
        """The path template of the route, which holds no id."""
        route = self.scope.get("route")
        return getattr(route, "path_format", None) or "unmatched"

    @property
    def method(self) -> str:
        """The HTTP method; "other" for a name that a client made up."""
        method = str(self.scope["method"])
        return method if method in METHODS else "other"

    async def send(self, message: Message) -> None:
        """Send a message of the response, with the headers that every response has."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            names = {name for name, _ in message["headers"]}
            defaults = PAGE_SECURITY_HEADERS if is_page(self.scope["path"]) else SECURITY_HEADERS
            limits = ((name.encode(), value.encode()) for name, value in self.scope.get("holdfast.headers", {}).items())
            added = [(name, value) for name, value in (*defaults, *limits) if name not in names]
            prefix = prefix_of(self.scope).encode()
            headers = [(name, prefix + value if _is_own_location(name, value) else value) for name, value in message["headers"]]
            message["headers"] = [*headers, *added, (b"x-request-id", self.request_id.encode())]
        await self._send(message)
        if message.get("more_body"):  # a long response may take any time, but each part of it only so much
            self.time_limit.reschedule(asyncio.get_running_loop().time() + self._seconds)

    async def fail(self, error: ApiError) -> None:
        """Send an error response, unless a response has started already."""
        if not self.status:
            await self._render_error(self.scope, error)(self.scope, _no_message, self.send)


def _is_own_location(name: bytes, value: bytes) -> bool:
    """Whether a header redirects to a path of ours, which the path prefix must come before."""
    return name == b"location" and value.startswith(b"/")


async def _read_body(receive: Receive, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ApiError(400, "The connection was closed before the body was complete.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > max_bytes:
            raise ApiError(413, f"At most {max_bytes:,} bytes per request.")
        chunks.append(chunk)
        if not message.get("more_body"):
            return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a `receive` that delivers the body already read, and then the messages that follow."""
    delivered = False

    async def replay() -> Message:
        nonlocal delivered
        if delivered:
            return await receive()
        delivered = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _no_message() -> Message:
    return {"type": "http.disconnect"}
