"""Outcomes: what the lists earned against those held out."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.http.auth import state_in
from serving.http.errors import ApiError
from serving.http.paths import UI
from serving.outcomes.report import REPORT
from serving.pages import charts
from serving.pages.render import named, page, picture
from serving.pages.session import SIGNED_IN
from serving.store.reports import read_report

ROUTES = APIRouter(include_in_schema=False, dependencies=[SIGNED_IN])
SCOPES = {"kind": "By list", "action": "By action", "segment": "By loyalty segment", "list": "Each issued list"}
DRAWN = ("kind", "action", "segment")
MAX_LISTS = 30


@ROUTES.get(f"{UI}/outcomes")
def outcomes(request: Request) -> Response:
    """Show what was measured last."""
    found = read_report(state_in(request).engine, REPORT)
    if found is None:
        return page(request, "outcomes", made_at=None, until=None, whole=None, control=None, parts=[], weeks=[], drawn=False)
    made_at, told = found
    rows = told["earned"]
    parts = [{"scope": scope, "title": title, "rows": _of(rows, scope)[:MAX_LISTS]} for scope, title in SCOPES.items()]
    whole, control = _first(rows, "all"), _first(rows, "global")
    told_of: dict[str, Any] = {
        "whole": whole,
        "control": control,
        "parts": parts,
        "weeks": _weeks(rows),
        "drawn": bool(_drawn(rows)),
    }
    return page(request, "outcomes", made_at=made_at, until=told["until"], **told_of)


def _of(rows: list[dict[str, Any]], scope: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["scope"] == scope]


def _weeks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The weeks up to which something can be said."""
    return [row for row in _of(rows, "cumulated") if row["profit"]]


def _drawn(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the picture of lists, actions and segments shows."""
    return [row for row in rows if row["scope"] in DRAWN and row["profit"]]


def _first(rows: list[dict[str, Any]], scope: str) -> dict[str, Any] | None:
    return next(iter(_of(rows, scope)), None)


@ROUTES.get(f"{UI}/charts/earned.svg")
def earned_chart(request: Request) -> Response:
    """Draw profit per treated customer by list, action and segment."""
    state = state_in(request)
    found = read_report(state.engine, REPORT)
    rows = [] if found is None else _drawn(found[1]["earned"])
    if not rows:
        raise ApiError(404, "There is no such picture.")
    names = [f"{named(row['name'])} ({row['scope']})" for row in rows]
    means, lows, highs = ([row["profit"][what] for row in rows] for what in ("mean", "low", "high"))
    return picture(charts.intervals(names, means, lows, highs, f"profit per treated customer, {state.settings.value.currency}"))


@ROUTES.get(f"{UI}/charts/cumulated.svg")
def cumulated_chart(request: Request) -> Response:
    """Draw the profit of all lists up to each week."""
    state = state_in(request)
    found = read_report(state.engine, REPORT)
    rows = [] if found is None else _weeks(found[1]["earned"])
    if not rows:
        raise ApiError(404, "There is no such picture.")
    weeks = [row["name"] for row in rows]
    means, lows, highs = ([row["treated"] * row["profit"][what] for row in rows] for what in ("mean", "low", "high"))
    return picture(charts.cumulated(weeks, means, lows, highs, f"profit in all, {state.settings.value.currency}"))
