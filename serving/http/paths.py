"""The paths of the pages and their security policies, and the version of the API in paths."""

from collections.abc import MutableMapping
from typing import Any

HOME, UI, LOGIN, STATIC = "/", "/ui", "/ui/login", "/ui/static/"
SEE_OTHER = 303
COOKIE = "holdfast_session"
MAX_NEXT_LENGTH = 1_000
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
    """Return the path to open after signing in: `path` if it is one of our pages, else this week's page."""
    safe = (
        path is not None
        and len(path) <= MAX_NEXT_LENGTH
        and path.startswith(f"{UI}/")
        and not set(path) & set("\\\r\n")
        and "//" not in path
    )
    return str(path) if safe else f"{UI}/week"
