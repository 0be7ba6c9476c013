"""Error responses: an HTML page for the pages, JSON for the API routes."""

from collections.abc import MutableMapping
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from serving.http.auth import ANONYMOUS
from serving.http.errors import INTERNAL, UNAUTHORIZED, ApiError, json_error
from serving.http.paths import HOME, LOGIN, SEE_OTHER, is_page
from serving.http.proxy import prefix_of
from serving.pages.render import prefixed_links, shared_values, template
from serving.store.keys import Scope

TITLES = {
    400: "Bad request",
    403: "Not allowed",
    404: "Not found",
    405: "Not supported",
    408: "Request timed out",
    409: "Stopped by a check",
    413: "Request too large",
    422: "Invalid request",
    429: "Too many requests",
    503: "Temporarily unavailable",
}


def error_response(scope: MutableMapping[str, Any], error: ApiError) -> Response:
    """Return the response to a failed request; a visitor who is not signed in is redirected to the sign-in page."""
    request_id = scope["holdfast.request_id"] if error.status == INTERNAL else None
    if not is_page(scope["path"]):
        return json_error(error, request_id)
    if error.status == UNAUTHORIZED:
        return RedirectResponse(f"{LOGIN}?next={quote(_requested_path(scope), safe='')}", SEE_OTHER)
    title = TITLES.get(error.status, "Something went wrong")
    headers = error.headers | ({} if error.retry_after is None else {"retry-after": str(error.retry_after)})
    shared = _navigation(scope)
    content = {"title": title, "message": error.message, "request_id": request_id, "signed_in": bool(shared)}
    html = prefixed_links(template("error").render(shared | content), prefix_of(scope))
    return HTMLResponse(html, error.status, headers)


def _navigation(scope: MutableMapping[str, Any]) -> dict[str, Any]:
    """Return the values that the navigation needs; empty for a visitor who may not use the pages, or before the routes."""
    client = scope.get("holdfast.client", ANONYMOUS)
    return shared_values(Request(scope), "error") if Scope.LIST in client.scopes and "app" in scope else {}


def _requested_path(scope: MutableMapping[str, Any]) -> str:
    """Return the path to open after signing in: the requested page with its query, or the home page after a form."""
    if scope["method"] != "GET":
        return HOME
    query = scope.get("query_string", b"").decode("latin-1")
    path = str(scope.get("raw_path", scope["path"].encode()).decode("latin-1"))
    return f"{path}?{query}" if query else path
