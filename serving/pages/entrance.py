"""Signing in and out, the redirect from the home page, and the static files of the pages."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from features.rendering.templates import BASE_STYLESHEET
from serving.http.auth import ANONYMOUS, MAX_KEY_LENGTH, get_client, get_state, session_cookie_name, session_token
from serving.http.declared_parameters import DeclaredRoute
from serving.http.errors import ApiError
from serving.http.paths import HOME, LOGIN, SEE_OTHER, STATIC, UI, is_secure, safe_next_path
from serving.http.proxy import address_of, prefix_of
from serving.pages.render import page
from serving.pages.session import check_form, refuse_foreign_form
from serving.store.keys import Scope, find_client
from serving.store.sessions import SESSION_HOURS, begin_session, end_session
from settings.clock import utc_now

ROUTES = APIRouter(route_class=DeclaredRoute, include_in_schema=False)
STATIC_FOLDER = Path(__file__).parent / "static"
FILES = {
    "base.css": (BASE_STYLESHEET, "text/css"),
    "holdfast.css": (STATIC_FOLDER / "holdfast.css", "text/css"),
    "holdfast.js": (STATIC_FOLDER / "holdfast.js", "text/javascript"),
    "icon.svg": (STATIC_FOLDER / "icon.svg", "image/svg+xml"),
}


@ROUTES.get(HOME)
@ROUTES.get(UI)
def home() -> Response:
    """Redirect to this week's page."""
    return RedirectResponse(f"{UI}/week", SEE_OTHER)


@ROUTES.get(LOGIN)
def login(request: Request, next_path: Annotated[str | None, Query(alias="next")] = None) -> Response:
    """Show the sign-in form."""
    if get_client(request) is not ANONYMOUS:
        return RedirectResponse(safe_next_path(next_path), SEE_OTHER)
    return page(request, "login", next=safe_next_path(next_path), problem=None)


@ROUTES.post(LOGIN)
def sign_in(request: Request, key: Annotated[str, Form()] = "", next_path: Annotated[str, Form(alias="next")] = "") -> Response:
    """Start a session with a live key of scope list; it replaces the session of this browser."""
    refuse_foreign_form(request)
    state, now = get_state(request), utc_now()
    client = find_client(state.engine, key.strip(), now) if len(key) <= MAX_KEY_LENGTH else None
    if client is None or Scope.LIST not in client.scopes:
        refusal = "Too many attempts to sign in. Wait a minute, then try again."
        request.app.state.attempts.count("sign-in", address_of(request.scope), refusal)
        problem = "This key is unknown, expired or revoked." if client is None else "This key does not have the scope list."
        return page(request, "login", 403, next=safe_next_path(next_path), problem=problem)
    end_session(state.engine, session_token(request))
    response = RedirectResponse(safe_next_path(next_path), SEE_OTHER)
    response.set_cookie(value=begin_session(state.engine, client, now), max_age=SESSION_HOURS * 3600, **_cookie_options(request))
    return response


def _cookie_options(request: Request) -> dict[str, Any]:
    """Return the name and attributes of the session cookie; a cookie is only deleted with the same ones."""
    secure = is_secure(request.headers, request.url.scheme)
    options = {"key": session_cookie_name(request), "path": prefix_of(request.scope) or "/"}
    return options | {"httponly": True, "samesite": "lax", "secure": secure}


@ROUTES.post(f"{UI}/logout")
def sign_out(request: Request, csrf: Annotated[str, Form()] = "") -> Response:
    """End the session."""
    check_form(request, csrf)
    end_session(get_state(request).engine, session_token(request))
    response = RedirectResponse(LOGIN, SEE_OTHER)
    response.delete_cookie(**_cookie_options(request))
    return response


@ROUTES.get(STATIC + "{name}")
def static(name: str) -> Response:
    """Return a static file of the pages."""
    if name not in FILES:
        raise ApiError(404, "There is no such file.")
    path, media_type = FILES[name]
    return FileResponse(path, media_type=media_type, headers={"cache-control": "max-age=3600"})
