"""Who may call what: a key in the header, its scopes, and how often."""

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

from serving.http.errors import ApiError
from serving.http.paths import COOKIE
from serving.http.state import ServiceState, utc_now
from serving.store.keys import Client, Scope, client_of
from serving.store.sessions import client_of_session

OPEN = frozenset({"/livez", "/readyz", "/healthz"})
ANONYMOUS = Client("nobody", "", frozenset())
DEVELOPER = Client("development", "", frozenset(Scope))
MAX_KEY_LENGTH = 200
TRUST_SECONDS, MAX_TRUSTED = 1.0, 1_000
BEARER = HTTPBearer(auto_error=False, description="A key made by `keys create`.")


class Authenticator:
    """Says who a request comes from, and lets each key through so many times a minute. Counts are this worker's own."""

    def __init__(self, state: ServiceState) -> None:
        """Start counting."""
        self.state = state
        self.trusted: TTLCache[str, Client] = TTLCache(MAX_TRUSTED, 0 if state.is_near else TRUST_SECONDS)
        self.limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self.limit = RateLimitItemPerMinute(state.settings.serving.requests_per_minute)

    def is_open(self, path: str) -> bool:
        """Whether a path needs no key."""
        serving = self.state.settings.serving
        return path in OPEN or (path == "/metrics" and serving.open_metrics) or (path == "/docs.json" and serving.open_docs)

    async def client(self, authorization: str) -> Client:
        """Return the client of an Authorization header. Raises ApiError 401.

        A key that was good is trusted for a second where asking the store means asking another machine.
        """
        known = self.trusted.get(authorization)
        if known is None:
            known = await self.state.run(self._client, authorization)
            self.trusted[authorization] = known
        return known

    async def visitor(self, cookie: str) -> Client:
        """Return whose session a Cookie header names; ANYBODY where it names none that is live."""
        token = token_in(cookie)
        found = await self.state.run(client_of_session, self.state.engine, token, utc_now()) if token else None
        return found or ANONYMOUS

    def _client(self, authorization: str) -> Client:
        kind, _, key = authorization.partition(" ")
        if kind.lower() != "bearer" or not key or len(key) > MAX_KEY_LENGTH:
            raise ApiError(401, "Send a key: Authorization: Bearer <key>.")
        found = client_of(self.state.engine, key.strip(), utc_now())
        if found is None:
            raise ApiError(401, "The key is unknown, expired or revoked.")
        return found

    def count(self, client: Client) -> None:
        """Count a request. Raises ApiError 429 with the seconds to wait."""
        if not self.limiter.hit(self.limit, client.key_id):
            reset = self.limiter.get_window_stats(self.limit, client.key_id).reset_time
            wait = max(1, math.ceil(reset - time.time()))
            raise ApiError(429, f"At most {self.limit.amount:,} requests a minute with one key.", retry_after=wait)


def token_in(cookie: str) -> str:
    """Return the session's token of a Cookie header; nothing where there is none."""
    return cookie_parser(cookie).get(COOKIE, "")


def is_loopback(address: tuple[str, int] | None) -> bool:
    """Whether an address is this machine's own; a connection without one (a Unix socket) is."""
    if address is None or address[0] == "localhost":
        return True
    try:
        known = ip_address(address[0])
    except ValueError:
        return False
    mapped = getattr(known, "ipv4_mapped", None)
    return (mapped or known).is_loopback


def names_loopback(host: str) -> bool:
    """Whether a Host header names this machine: another name may lead here too, from a page of somebody else's."""
    name = urlsplit(f"//{host}").hostname if host.isascii() and "[" not in host.strip("[")[1:] else None
    return name is not None and is_loopback((name, 0))


def require(scope: Scope) -> params.Depends:
    """Return the dependency of a route that needs a scope."""

    async def check(request: Request, _key: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> None:
        client = client_in(request)
        if scope not in client.scopes:
            raise ApiError(403, f"This needs a key with the scope {scope}; yours has {', '.join(sorted(client.scopes))}.")

    return params.Depends(check)


async def any_key(_key: Annotated[HTTPAuthorizationCredentials | None, Depends(BEARER)]) -> None:
    """Depend on a live key of any scope; the gate has looked at it already."""


def client_in(request: Request) -> Client:
    """Return who a request comes from."""
    client: Client = request.scope["holdfast.client"]
    return client


def state_in(request: Request) -> ServiceState:
    """Return what this worker holds."""
    state: ServiceState = request.app.state.holdfast
    return state
