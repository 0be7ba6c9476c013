"""Access to the pages: a session cookie, and proof that a form came from one of our own pages."""

import hmac
from urllib.parse import urlsplit

from fastapi import Depends, Request, params

from features.storage.hashing import hash_text
from serving.http.auth import ANONYMOUS, get_client, get_state, session_token
from serving.http.errors import ApiError
from serving.store.keys import Scope

TRUSTED_SITES = {"same-origin", "none"}


def csrf_token(request: Request) -> str:
    """Return the token that forms of this session carry: the keyed hash of the session cookie."""
    return hash_text(f"form {session_token(request)}", get_state(request).identity)


def refuse_foreign_form(request: Request) -> None:
    """Raise ApiError 403 if the browser reports that the form was sent from another site.

    Current browsers report it in Sec-Fetch-Site, which does not depend on the Host header that a proxy may rewrite. For older
    ones, Origin is compared with Host.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = (
        site not in TRUSTED_SITES if site else origin is not None and not _is_own_origin(origin, request.headers.get("host", ""))
    )
    if foreign:
        raise ApiError(403, "This form was sent from another site.", code="foreign_form")


def _is_own_origin(origin: str, host: str) -> bool:
    try:
        return urlsplit(origin).netloc == host
    except ValueError:
        return False


def check_form(request: Request, csrf: str) -> None:
    """Raise ApiError 403 if the form did not come from a page of this session."""
    refuse_foreign_form(request)
    if not hmac.compare_digest(csrf.encode(), csrf_token(request).encode()):
        raise ApiError(403, "This form has expired. Open the page again and resend it.", code="foreign_form")


async def _signed_in(request: Request) -> None:
    client = get_client(request)
    if client is ANONYMOUS:
        raise ApiError(401, "Sign in to see this page.")
    if Scope.LIST not in client.scopes:
        raise ApiError(403, f"These pages need a key with the scope {Scope.LIST}.")


async def _may_issue(request: Request) -> None:
    if Scope.ISSUE not in get_client(request).scopes:
        raise ApiError(403, f"Issuing lists needs a key with the scope {Scope.ISSUE}.", code="wrong_scope")


SIGNED_IN: params.Depends = Depends(_signed_in)
CAN_ISSUE: params.Depends = Depends(_may_issue)
