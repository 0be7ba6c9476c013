"""Render pages from templates, with one format for numbers, money and dates everywhere.

Numbers are formatted with the option `z`: what rounds to zero has no minus sign.
"""

from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from jinja2 import Environment, Template
from starlette.responses import HTMLResponse, Response

from features.rendering.templates import template_environment
from serving.http.auth import get_client, get_state
from serving.http.paths import CHART_POLICY
from serving.pages.session import csrf_token

FOLDER = Path(__file__).parent
MISSING = "–"
MAX_WITH_CENTS = 100
PAGES = {"week": "This week", "segments": "Segments", "outcomes": "Outcomes", "models": "Models"}
DISPLAY_NAMES = {
    "hard_core": "hard-core",
    "first_time": "first-time",
    "one_time": "one-time",
}


def page(request: Request, name: str, status: int = 200, **content: Any) -> HTMLResponse:  # noqa: ANN401  # the page's own
    """Return a page: its template with `content` and the values that every page needs."""
    state, client = get_state(request), get_client(request)
    shared = {
        "client": client.name,
        "csrf": csrf_token(request),
        "pages": PAGES,
        "current_page": name,
        "currency": state.settings.value.currency,
    }
    return HTMLResponse(template(name).render(shared | content), status)


def svg_response(content: bytes) -> Response:
    """Return an SVG chart as a response."""
    return Response(content, media_type="image/svg+xml", headers={"content-security-policy": CHART_POLICY})


def template(name: str) -> Template:
    """Return a template by name."""
    return _templates().get_template(f"{name}.html.j2")


@cache
def _templates() -> Environment:
    environment = template_environment(FOLDER / "templates", FILTERS)
    environment.globals |= {"query": query_string, "customer_path": customer_path}
    return environment


def format_integer(number: float | None) -> str:
    """Return a number without decimals."""
    return MISSING if number is None else f"{number:z,.0f}"


def format_money(amount: float | None) -> str:
    """Return an amount, with cents below a hundred."""
    if amount is None:
        return MISSING
    return f"{amount:z,.2f}" if abs(amount) < MAX_WITH_CENTS else f"{amount:z,.0f}"


def format_input(amount: float) -> str:
    """Return an amount as the value of a form field: up to six decimals, no separators and no exponent."""
    return f"{amount:z.6f}".rstrip("0").rstrip(".")


def format_signed(amount: float | None, digits: int = 2) -> str:
    """Return an amount with its sign."""
    return MISSING if amount is None else f"{amount:+z,.{digits}f}"


def format_fixed(number: float | None, digits: int = 1) -> str:
    """Return a number with a fixed count of decimals."""
    return MISSING if number is None else f"{number:z,.{digits}f}"


def format_share(share: float | None) -> str:
    """Return a share in per cent."""
    return MISSING if share is None else f"{100 * share:z.0f}\u00a0%"  # a no-break space


def format_day(day: date | str | None) -> str:
    """Return a day, such as 23 Nov 2026."""
    if day is None:
        return MISSING
    return f"{date.fromisoformat(str(day)[:10]):%-d %b %Y}"


def format_time(time: datetime | None) -> str:
    """Return a time in UTC."""
    return MISSING if time is None else f"{time:%-d %b %Y, %H:%M} UTC"


def display_name(name: str | None) -> str:
    """Return a name of the data as words."""
    return MISSING if name is None else DISPLAY_NAMES.get(name, name.replace("_", " "))


def query_string(**parameters: Any) -> str:  # noqa: ANN401  # any value of a link
    """Return the query string of a link, without empty parameters."""
    filled = {name: value for name, value in parameters.items() if value not in {None, ""}}
    return f"?{urlencode(filled)}" if filled else ""


def customer_path(customer_id: str) -> str:
    """Return the path of a customer's page."""
    return f"/ui/customers/{quote(customer_id, safe='')}"


FILTERS: dict[str, Callable[..., str]] = {
    "integer": format_integer,
    "money": format_money,
    "percent": format_share,
    "signed": format_signed,
    "fixed": format_fixed,
    "input_value": format_input,
    "day": format_day,
    "time": format_time,
    "label": display_name,
}
