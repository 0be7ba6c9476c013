"""Where the pages lie, and how a browser is told to treat them."""

HOME, UI, LOGIN, STATIC = "/", "/ui", "/ui/login", "/ui/static/"
SEE_OTHER = 303
COOKIE = "holdfast_session"
MAX_NEXT_LENGTH = 1_000
POLICY = (
    b"default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    b"frame-ancestors 'none'"
)
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def is_page(path: str) -> bool:
    """Whether a path is one of the pages, rather than of the routes for programs."""
    return path in {HOME, UI} or path.startswith(f"{UI}/")


def safe_next(wanted: str | None) -> str:
    """Return where to go after signing in: only to a page of ours."""
    known = (
        wanted is not None
        and len(wanted) <= MAX_NEXT_LENGTH
        and wanted.startswith(f"{UI}/")
        and not set(wanted) & set("\\\r\n")
        and "//" not in wanted
    )
    return str(wanted) if known else f"{UI}/week"
