"""Who looks at the pages: sessions in a cookie, and the proof that a form came from one of our pages."""

import hmac
from urllib.parse import urlsplit

from fastapi import Depends, Request, params
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from features.storage.hashing import hash_of
from serving.http.auth import ANONYMOUS, client_in, state_in
from serving.http.errors import ApiError
from serving.http.paths import COOKIE
from serving.store.keys import Scope

ATTEMPTS_A_MINUTE = 20
OWN_SITE = {"same-origin", "none"}


class Attempts:
    """Counts attempts to sign in that failed, by address and worker."""

    def __init__(self) -> None:
        """Start counting."""
        self.limiter = MovingWindowRateLimiter(MemoryStorage())
        self.limit = RateLimitItemPerMinute(ATTEMPTS_A_MINUTE)

    def count(self, request: Request) -> None:
        """Count one. Raises ApiError 429 beyond twenty a minute."""
        address = request.client.host if request.client else "local"
        if not self.limiter.hit(self.limit, address):
            raise ApiError(429, "Too many attempts to sign in; wait a minute.", retry_after=60)


def csrf_of(request: Request) -> str:
    """Return what a form of this session carries: made from the cookie with the store's own key."""
    return hash_of(f"form {request.cookies.get(COOKIE, '')}", state_in(request).identity)


def refuse_foreign(request: Request) -> None:
    """Raise ApiError 403 where a browser says that a form was sent from elsewhere.

    Browsers say it themselves (Sec-Fetch-Site), whatever a proxy makes of the Host; an old one names where it was (Origin).
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = site not in OWN_SITE if site else origin is not None and not _is_own(origin, request.headers.get("host", ""))
    if foreign:
        raise ApiError(403, "This form was sent from another site.", code="foreign_form")


def _is_own(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def checked_form(request: Request, csrf: str) -> None:
    """Raise ApiError 403 for a form that did not come from a page of this very session."""
    refuse_foreign(request)
    if not hmac.compare_digest(csrf.encode(), csrf_of(request).encode()):
        raise ApiError(403, "The form is too old; open the page again.", code="foreign_form")


async def _signed_in(request: Request) -> None:
    client = client_in(request)
    if client is ANONYMOUS:
        raise ApiError(401, "Sign in to see this page.")
    if Scope.LIST not in client.scopes:
        raise ApiError(403, f"These pages need a key with the scope {Scope.LIST}.")


SIGNED_IN: params.Depends = Depends(_signed_in)
