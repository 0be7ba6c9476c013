"""Render pages from templates, with one format for numbers, money and dates everywhere."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from jinja2 import Environment, Template
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from features.rendering import amounts
from features.rendering.templates import template_environment
from serving.http.auth import get_client, get_state
from serving.http.paths import CHART_POLICY
from serving.http.proxy import prefix_of
from serving.pages.session import csrf_token
from serving.schemas.glossary import find_term
from serving.store.keys import Scope

FOLDER = Path(__file__).parent
MISSING = "–"
AMBIGUOUS_DECIMALS = 3  # 12.345 may be read as 12345
LINK = re.compile(r"""(\b(?:href|src|action|formaction)=")(/(?:ui\b)?)""")
PAGES = {
    "week": "This week",
    "lists": "All lists",
    "segments": "Segments",
    "outcomes": "Outcomes",
    "models": "Models",
    "glossary": "Glossary",
}
DISPLAY_NAMES = {
    "hard_core": "hard-core",
    "first_time": "first-time",
    "one_time": "one-time",
}


def page(request: Request, name: str, status: int = 200, **content: Any) -> HTMLResponse:  # noqa: ANN401  # the page's own
    """Return a page: its template with `content` and the values that every page needs."""
    html = template(name).render(shared_values(request, name) | content)
    return HTMLResponse(prefixed_links(html, prefix_of(request.scope)), status)


def empty_page(request: Request) -> HTMLResponse:
    """Return the page that stands for others before the first run: what they will show, and from which week on."""
    today = get_state(request).today
    return page(request, "empty", monday=today - timedelta(days=today.weekday()))


def shared_values(request: Request, name: str) -> dict[str, Any]:
    """Return the values that every page with the navigation needs."""
    client = get_client(request)
    return {
        "client": client.name,
        "can_issue": Scope.ISSUE in client.scopes,
        "csrf": csrf_token(request),
        "pages": PAGES,
        "current_page": name,
        "currency": get_state(request).settings.value.currency,
        "term": TermLinks(),
    }


def prefixed_links(html: str, prefix: str) -> str:
    """Return a page whose links to our pages carry the path prefix. Quotes in texts are escaped, so only links match."""
    return LINK.sub(lambda link: f"{link[1]}{prefix}{link[2]}", html) if prefix else html


class TermLinks:
    """Link terms of a page to the glossary, each with its definition as a tooltip that shows on focus and on hover."""

    def __init__(self) -> None:
        """Start with no tooltips on the page."""
        self.tooltips = count(1)

    def __call__(self, name: str | None, text: str | None = None) -> Markup:
        """Return a term as a link with its tooltip: `text`, by default its name. What the glossary lacks is returned as text."""
        term = find_term(name)
        shown = text or (term.name if term else display_name(name))
        if term is None:
            return escape(shown)
        tooltip = f"term-{next(self.tooltips)}"
        return Markup(
            '<span class="term"><a href="/ui/glossary#{name}" aria-describedby="{tooltip}">{shown}</a>'
            '<span class="tip" role="tooltip" id="{tooltip}">{definition}</span></span>'
        ).format(name=name, tooltip=tooltip, shown=shown, definition=term.definition)


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
    return MISSING if number is None else amounts.format_amount(number)


def format_money(amount: float | None) -> str:
    """Return an amount, with cents below a hundred."""
    return MISSING if amount is None else amounts.format_money(amount)


def format_rough(amount: float | None) -> str:
    """Return an amount with two significant digits."""
    return MISSING if amount is None else amounts.format_rough(amount)


def format_cents(amount: float) -> str:
    """Return an amount as it stands beside a form field: without decimals if it is whole, else with cents."""
    cents = amounts.format_amount(amount, 2)
    return cents.removesuffix(".00")


def format_input(amount: float) -> str:
    """Return an amount as the value of a form field: up to six decimals, no separators and no exponent.

    Never exactly three decimals, which `serving.pages.typed_amounts` would have to ask about.
    """
    whole, _, part = f"{amount:z.6f}".rstrip("0").partition(".")
    return f"{whole}.{part}0" if len(part) == AMBIGUOUS_DECIMALS else f"{whole}.{part}".rstrip(".")


def format_signed(amount: float | None, digits: int = 2) -> str:
    """Return an amount with its sign; zero has none."""
    if amount is None:
        return MISSING
    rounded = amounts.round_half_up(amount, digits)
    return f"{rounded:+,}" if rounded else f"{rounded:,}"


def format_signed_money(amount: float | None) -> str:
    """Return an amount with its sign, with cents below a hundred; zero has no sign."""
    text = format_money(amount)
    is_zero = amount is not None and not text.strip("-0.,")
    return text.removeprefix("-") if is_zero else f"+{text}" if amount is not None and amount > 0 else text


def format_fixed(number: float | None, digits: int = 1) -> str:
    """Return a number with a fixed count of decimals."""
    return MISSING if number is None else amounts.format_amount(number, digits)


def format_share(share: float | None) -> str:
    """Return a share in per cent."""
    return MISSING if share is None else f"{amounts.format_amount(100 * share)}\u00a0%"  # a no-break space


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
    filled = {name: value for name, value in parameters.items() if value not in (None, "", [])}
    return f"?{urlencode(filled, doseq=True)}" if filled else ""


def format_as(value: Any, form: str) -> str:  # noqa: ANN401  # a value of a list
    """Return a value as text by the filter of this name; a text, or nothing, for "text"."""
    return (value or "") if form == "text" else FILTERS[form](value)


def customer_path(customer_id: str) -> str:
    """Return the path of a customer's page."""
    return f"/ui/customers/{quote(customer_id, safe='')}"


FILTERS: dict[str, Callable[..., str]] = {
    "integer": format_integer,
    "money": format_money,
    "rough": format_rough,
    "cents": format_cents,
    "percent": format_share,
    "signed": format_signed,
    "signed_money": format_signed_money,
    "fixed": format_fixed,
    "input_value": format_input,
    "day": format_day,
    "time": format_time,
    "label": display_name,
    "format_as": format_as,
}
