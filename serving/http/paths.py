"""The paths of the pages and their security policies, and the version of the API in paths."""

from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote

HOME, UI, LOGIN, STATIC = "/", "/ui", "/ui/login", "/ui/static/"
SEE_OTHER = 303
COOKIE = "holdfast_session"
MAX_NEXT_LENGTH, MAX_DECODINGS = 1_000, 4
CONTENT_POLICY = (
    b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    b"frame-ancestors 'none'"
)
CHART_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


VERSION = "/v1"


def strip_version(scope: MutableMapping[str, Any]) -> None:
    """Remove /v1 from the path of an API route: both paths are the same route. Pages have no version."""
    path = str(scope["path"])
    rest = path.removeprefix(VERSION)
    if path.startswith(f"{VERSION}/") and not is_page(rest):
        scope["path"] = rest
        scope["raw_path"] = scope.get("raw_path", path.encode()).removeprefix(VERSION.encode())


def is_page(path: str) -> bool:
    """Whether a path is one of the pages, not one of the API routes."""
    return path in {HOME, UI} or path.startswith(f"{UI}/")


def safe_next_path(path: str | None) -> str:
    """Return the path to open after signing in: `path` if it is one of our pages, else this week's page.

    A browser resolves `..` and takes a backslash for a slash, also where they are percent-encoded, once or more often.
    """
    return path if path is not None and _is_page_path(path) else f"{UI}/week"


def _is_page_path(path: str) -> bool:
    if len(path) > MAX_NEXT_LENGTH or not path.isascii() or not path.isprintable() or not path.startswith(f"{UI}/"):
        return False
    name = path.partition("#")[0].partition("?")[0]
    for _ in range(MAX_DECODINGS):
        parts = name.split("/")
        if "\\" in path or "\\" in name or not name.startswith(f"{UI}/") or {".", ".."} & set(parts) or "" in parts[1:]:
            return False
        if (decoded := unquote(name)) == name:
            return True
        name = decoded
    return False


def cookie_name(*, secure: bool, prefix: str) -> str:
    """Return the name of the session cookie. `__Host-` and `__Secure-` keep other hosts and plain HTTP from setting it."""
    if not secure:
        return COOKIE
    return f"__Secure-{COOKIE}" if prefix else f"__Host-{COOKIE}"


def is_secure(headers: Mapping[str, str], scheme: str) -> bool:
    """Whether the browser uses HTTPS, to us or to a proxy before us."""
    return headers.get("x-forwarded-proto", scheme).partition(",")[0].strip() == "https"
