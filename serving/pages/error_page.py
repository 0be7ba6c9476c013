"""Errors in the shape that fits whoever asked: a page for the pages, JSON for the routes."""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote

from starlette.responses import HTMLResponse, RedirectResponse, Response

from serving.http.errors import INTERNAL, UNAUTHORIZED, ApiError, error_reply
from serving.http.paths import HOME, LOGIN, SEE_OTHER, is_page
from serving.pages.render import template

TITLES = {
    400: "Not understood",
    403: "Not allowed",
    404: "Not found",
    405: "Not possible here",
    408: "Too slow",
    413: "Too much",
    422: "Not understood",
    429: "Too often",
    503: "Not ready",
}


def error_response(scope: MutableMapping[str, Any], error: ApiError) -> Response:
    """Return the answer to a request that went wrong; who is not signed in is led to where one signs in."""
    request_id = scope["holdfast.request_id"] if error.status == INTERNAL else None
    if not is_page(scope["path"]):
        return error_reply(error, request_id)
    if error.status == UNAUTHORIZED:
        return RedirectResponse(f"{LOGIN}?next={quote(_wanted(scope), safe='')}", SEE_OTHER)
    title = TITLES.get(error.status, "Something went wrong")
    headers = error.headers | ({} if error.retry_after is None else {"retry-after": str(error.retry_after)})
    content = template("error").render(title=title, message=error.message, request_id=request_id)
    return HTMLResponse(content, error.status, headers)


def _wanted(scope: MutableMapping[str, Any]) -> str:
    """Where to go after signing in: the page that was asked for, as it was asked for; a form is not sent again."""
    if scope["method"] != "GET":
        return HOME
    query = scope.get("query_string", b"").decode("latin-1")
    path = str(scope.get("raw_path", scope["path"].encode()).decode("latin-1"))
    return f"{path}?{query}" if query else path
