"""Authentication and authorisation: a key in the header or a session cookie, the scopes of the key, and its rate limit."""

import math
import time
from ipaddress import ip_address
from typing import Annotated
from urllib.parse import urlsplit

from cachetools import TTLCache
from fastapi import Depends, Request, params
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import cookie_parser

from serving.http.attempts import FailedAttempts
from serving.http.errors import ApiError
from serving.http.paths import cookie_name, is_secure
from serving.http.proxy import prefix_of
from serving.http.state import ServiceState
from serving.store.keys import Client, Scope, find_client
from serving.store.sessions import find_session_client
from settings.clock import utc_now

OPEN_PATHS = frozenset({"/livez", "/readyz", "/healthz"})
ANONYMOUS = Client("anonymous", "", frozenset())
DEVELOPER = Client("development", "", frozenset(Scope))
MAX_KEY_LENGTH = 200
TRUST_SECONDS, MAX_TRUSTED = 1.0, 1_000
BEARER = HTTPBearer(auto_error=False, description="A key created by `keys create`.")


class Authenticator:
    """Identify the client of a request, and limit the requests per minute of each key. Each worker counts for itself."""

    def __init__(self, state: ServiceState) -> None:
        """Start with no trusted keys and no counts."""
        self.state = state
        self.trusted: TTLCache[str, Client] = TTLCache(MAX_TRUSTED, 0 if state.is_local else TRUST_SECONDS)
        self.attempts = FailedAttempts(state.identity)
        self.limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self.limit = RateLimitItemPerMinute(state.settings.serving.requests_per_minute)

    def is_open(self, path: str) -> bool:
        """Whether a path needs no key."""
        serving = self.state.settings.serving
        return path in OPEN_PATHS or (path == "/metrics" and serving.open_metrics) or (path == "/docs.json" and serving.open_docs)

    async def key_client(self, authorization: str, address: str) -> Client:
        """Return the client of an Authorization header. Raises ApiError 401, or 429 after too many wrong keys from the address.

        Where the store is on another machine, a valid key is trusted for one second before the store is asked again.
        """
        client = self.trusted.get(authorization)
        if client is None:
            client = await self.state.run(self._find_client, authorization, address)
            self.trusted[authorization] = client
        return client

    async def session_client(self, cookie: str, name: str) -> Client:
        """Return the client of the session in a Cookie header, under the name of its cookie; ANONYMOUS without a live one."""
        token = cookie_parser(cookie).get(name, "")
        client = await self.state.run(find_session_client, self.state.engine, token, utc_now()) if token else None
        return client or ANONYMOUS

    def _find_client(self, authorization: str, address: str) -> Client:
        kind, _, key = authorization.partition(" ")
        if kind.lower() != "bearer" or not key or len(key) > MAX_KEY_LENGTH:
            raise ApiError(401, "Send a key: Authorization: Bearer <key>.")
        client = find_client(self.state.engine, key.strip(), utc_now())
        if client is None:
            self.attempts.count("key", address, "Too many wrong keys from this address. Wait a minute, then try again.")
            raise ApiError(401, "The key is unknown, expired or revoked.")
        return client

    def count_request(self, client: Client) -> dict[str, str]:
        """Count a request and return the RateLimit headers of its response.

        Raises ApiError 429, with the same headers and the seconds to wait, above the limit.
        """
        is_within = self.limiter.hit(self.limit, client.key_id)
        window = self.limiter.get_window_stats(self.limit, client.key_id)
        wait = max(1, math.ceil(window.reset_time - time.time()))
        headers = {"limit": str(self.limit.amount), "remaining": str(max(0, window.remaining)), "reset": str(wait)}
        headers = {f"ratelimit-{name}": value for name, value in headers.items()}
        if not is_within:
            message = f"Too many requests: the limit is {self.limit.amount:,} a minute per key; try again in {wait} s."
            raise ApiError(429, message, retry_after=wait, headers=headers)
        return headers


def is_loopback(address: tuple[str, int] | None) -> bool:
    """Whether an address is a loopback one; a connection without an address (a Unix socket) counts as one."""
    if address is None or address[0] == "localhost":
        return True
    try:
        ip = ip_address(address[0])
    except ValueError:
        return False
    mapped = getattr(ip, "ipv4_mapped", None)
    return (mapped or ip).is_loopback


def is_loopback_host(host: str) -> bool:
    """Whether a Host header names this machine. A page of another site can reach it under another name (DNS rebinding)."""
    name = urlsplit(f"//{host}").hostname if host.isascii() and "[" not in host.strip("[")[1:] else None
    return name is not None and is_loopback((name, 0))


def require(*scopes: Scope) -> params.Depends:
    """Return the dependency of a route that needs a scope, or any one of several."""

    async def check(request: Request, _key: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> None:
        client = get_client(request)
        if not client.scopes & set(scopes):
            raise ApiError(
                403, f"This needs a key with the scope {' or '.join(scopes)}; yours has {', '.join(sorted(client.scopes))}."
            )

    return params.Depends(check)


async def any_key(_key: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> None:
    """Declare that a route needs a key of any scope; the middleware has checked it already."""


def get_client(request: Request) -> Client:
    """Return the client of a request."""
    client: Client = request.scope["holdfast.client"]
    return client


def get_state(request: Request) -> ServiceState:
    """Return the state of this worker."""
    state: ServiceState = request.app.state.holdfast
    return state


def session_cookie_name(request: Request) -> str:
    """Return the name of the session cookie, as this request's scheme and prefix allow it."""
    return cookie_name(secure=is_secure(request.headers, request.url.scheme), prefix=prefix_of(request.scope))


def session_token(request: Request) -> str:
    """Return the token of the session; an empty text without one."""
    return request.cookies.get(session_cookie_name(request), "")
