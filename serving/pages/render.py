"""Pages from templates: numbers, money and days written the same way everywhere."""

from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from starlette.responses import HTMLResponse, Response

from serving.http.auth import client_in, state_in
from serving.http.paths import PICTURE_POLICY
from serving.pages.session import csrf_of

HERE = Path(__file__).parent
NOTHING = "–"
PAGES = {"week": "This week", "segments": "Segments", "outcomes": "Outcomes", "models": "Models"}
NAMES = {
    "hard_core": "hard-core",
    "first_time": "first-time",
    "one_time": "one-time",
}


def page(request: Request, name: str, status: int = 200, **told: Any) -> HTMLResponse:  # noqa: ANN401  # what the page shows
    """Return a page, with what every page shows around it."""
    state, client = state_in(request), client_in(request)
    around = {
        "client": client.name,
        "csrf": csrf_of(request),
        "pages": PAGES,
        "here": name,
        "currency": state.settings.value.currency,
    }
    return HTMLResponse(template(name).render(around | told), status)


def picture(content: bytes) -> Response:
    """Return an SVG."""
    return Response(content, media_type="image/svg+xml", headers={"content-security-policy": PICTURE_POLICY})


def template(name: str) -> Template:
    """Return a template by name."""
    return _templates().get_template(f"{name}.html.j2")


@cache
def _templates() -> Environment:
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= {
        "whole": whole,
        "money": money,
        "share": share,
        "day": day,
        "moment": moment,
        "named": named,
        "signed": signed,
        "plain": plain,
    }
    found.globals |= {"query": query, "path_of": path_of}
    return found


def whole(number: float | None) -> str:
    """Write a number without decimals."""
    return NOTHING if number is None else f"{number:,.0f}"


def money(amount: float | None) -> str:
    """Write an amount: cents below a hundred."""
    if amount is None:
        return NOTHING
    return f"{amount:,.2f}" if abs(amount) < 100 else f"{amount:,.0f}"  # noqa: PLR2004


def plain(amount: float) -> str:
    """Write an amount as a field of a form holds it: every digit, and no exponent."""
    return f"{amount:.6f}".rstrip("0").rstrip(".")


def signed(amount: float | None) -> str:
    """Write an amount with its sign."""
    return NOTHING if amount is None else f"{amount:+,.2f}"


def share(part: float | None) -> str:
    """Write a share in per cent."""
    return NOTHING if part is None else f"{100 * part:.0f} %"


def day(when: date | str | None) -> str:
    """Write a day as 23 Nov 2026."""
    if when is None:
        return NOTHING
    return f"{date.fromisoformat(str(when)[:10]):%-d %b %Y}"


def moment(when: datetime | None) -> str:
    """Write a moment in UTC."""
    return NOTHING if when is None else f"{when:%-d %b %Y, %H:%M} UTC"


def named(name: str | None) -> str:
    """Write a name of the data as words."""
    return NOTHING if name is None else NAMES.get(name, name.replace("_", " "))


def query(**parts: Any) -> str:  # noqa: ANN401  # whatever a link carries
    """Return the query of a link, without what is empty."""
    told = {name: value for name, value in parts.items() if value not in {None, ""}}
    return f"?{urlencode(told)}" if told else ""


def path_of(customer_id: str) -> str:
    """Return where a customer's page lies."""
    return f"/ui/customers/{quote(customer_id, safe='')}"
