"""Signing in and out, the way in, and the files that pages are made with."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import FileResponse, RedirectResponse, Response

from serving.http.auth import ANONYMOUS, MAX_KEY_LENGTH, client_in, state_in
from serving.http.errors import ApiError
from serving.http.paths import COOKIE, HOME, LOGIN, SEE_OTHER, STATIC, UI, safe_next
from serving.http.state import utc_now
from serving.pages.render import page
from serving.pages.session import checked_form, refuse_foreign
from serving.store.keys import Scope, client_of
from serving.store.sessions import HOURS, begin_session, end_session

ROUTES = APIRouter(include_in_schema=False)
FILES = {"holdfast.css": "text/css", "holdfast.js": "text/javascript", "icon.svg": "image/svg+xml"}


@ROUTES.get(HOME)
@ROUTES.get(UI)
def home() -> Response:
    """Lead to the page of this week."""
    return RedirectResponse(f"{UI}/week", SEE_OTHER)


@ROUTES.get(LOGIN)
def login(request: Request, onward: Annotated[str | None, Query(alias="next")] = None) -> Response:
    """Ask for a key."""
    if client_in(request) is not ANONYMOUS:
        return RedirectResponse(safe_next(onward), SEE_OTHER)
    return page(request, "login", next=safe_next(onward), problem=None)


@ROUTES.post(LOGIN)
def sign_in(request: Request, key: Annotated[str, Form()] = "", onward: Annotated[str, Form(alias="next")] = "") -> Response:
    """Begin a session with a live key of scope list; another one of this browser ends."""
    refuse_foreign(request)
    state, now = state_in(request), utc_now()
    client = client_of(state.engine, key.strip(), now) if len(key) <= MAX_KEY_LENGTH else None
    if client is None or Scope.LIST not in client.scopes:
        request.app.state.attempts.count(request)
        problem = "This key is unknown, expired or revoked." if client is None else "This key does not have the scope list."
        return page(request, "login", 403, next=safe_next(onward), problem=problem)
    end_session(state.engine, request.cookies.get(COOKIE, ""))
    answer = RedirectResponse(safe_next(onward), SEE_OTHER)
    secure = request.headers.get("x-forwarded-proto", request.url.scheme).partition(",")[0].strip() == "https"
    token = begin_session(state.engine, client, now)
    answer.set_cookie(COOKIE, token, max_age=HOURS * 3600, httponly=True, samesite="lax", secure=secure)
    return answer


@ROUTES.post(f"{UI}/logout")
def sign_out(request: Request, csrf: Annotated[str, Form()] = "") -> Response:
    """End the session."""
    checked_form(request, csrf)
    end_session(state_in(request).engine, request.cookies.get(COOKIE, ""))
    answer = RedirectResponse(LOGIN, SEE_OTHER)
    answer.delete_cookie(COOKIE)
    return answer


@ROUTES.get(STATIC + "{name}")
def static(name: str) -> Response:
    """Return a file that pages are made with."""
    if name not in FILES:
        raise ApiError(404, "There is no such file.")
    return FileResponse(
        Path(__file__).parent / "static" / name, media_type=FILES[name], headers={"cache-control": "max-age=3600"}
    )
