"""The page of outcomes: what the lists earned against their control groups."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.http.auth import get_state
from serving.http.declared_parameters import DeclaredRoute
from serving.http.errors import ApiError
from serving.http.paths import UI
from serving.http.state import ServiceState
from serving.outcomes.report import REPORT
from serving.pages import charts
from serving.pages.render import display_name, page, svg_response
from serving.pages.session import SIGNED_IN
from serving.store.reports import read_report

ROUTES = APIRouter(route_class=DeclaredRoute, include_in_schema=False, dependencies=[SIGNED_IN])
SCOPES = {"kind": "By list", "action": "By action", "segment": "By loyalty segment", "list": "Each issued list"}
CHART_SCOPES = ("kind", "action", "segment")
MAX_LISTS = 30


@ROUTES.get(f"{UI}/outcomes")
def outcomes(request: Request) -> Response:
    """Show the newest measurement."""
    report = read_report(get_state(request).engine, REPORT)
    if report is None:
        return page(request, "outcomes", total=None)
    made_at, content = report
    rows = content["earned"]
    return page(
        request,
        "outcomes",
        made_at=made_at,
        until=content["until"],
        total=_first_row(rows, "all"),
        global_control=_first_row(rows, "global"),
        tables=[
            {"scope": scope, "title": title, "rows": _scope_rows(rows, scope)[:MAX_LISTS]} for scope, title in SCOPES.items()
        ],
        weeks=_cumulated_weeks(rows),
        has_chart=bool(_chart_rows(rows)),
    )


def _scope_rows(rows: list[dict[str, Any]], scope: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["scope"] == scope]


def _cumulated_weeks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the cumulative results by week, without weeks up to which there is no estimate."""
    return [row for row in _scope_rows(rows, "cumulated") if row["profit"]]


def _chart_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with an estimate that the chart of lists, actions and segments shows."""
    return [row for row in rows if row["scope"] in CHART_SCOPES and row["profit"]]


def _first_row(rows: list[dict[str, Any]], scope: str) -> dict[str, Any] | None:
    return next(iter(_scope_rows(rows, scope)), None)


def _report_rows(state: ServiceState) -> list[dict[str, Any]]:
    report = read_report(state.engine, REPORT)
    return [] if report is None else report[1]["earned"]


@ROUTES.get(f"{UI}/charts/earned.svg")
def earned_chart(request: Request) -> Response:
    """Draw profit per treated customer by list, action and segment."""
    state = get_state(request)
    rows = _chart_rows(_report_rows(state))
    if not rows:
        raise ApiError(404, "There is no such chart.")
    names = [f"{display_name(row['name'])} ({row['scope']})" for row in rows]
    means, lows, highs = ([row["profit"][figure] for row in rows] for figure in ("mean", "low", "high"))
    label = f"profit per treated customer, {state.settings.value.currency}"
    return svg_response(charts.intervals_chart(names, means, lows, highs, label))


@ROUTES.get(f"{UI}/charts/cumulated.svg")
def cumulated_chart(request: Request) -> Response:
    """Draw the cumulative profit of all lists by week."""
    state = get_state(request)
    rows = _cumulated_weeks(_report_rows(state))
    if not rows:
        raise ApiError(404, "There is no such chart.")
    weeks = [row["name"] for row in rows]
    means, lows, highs = ([row["treated"] * row["profit"][figure] for row in rows] for figure in ("mean", "low", "high"))
    return svg_response(charts.cumulated_chart(weeks, means, lows, highs, f"total profit, {state.settings.value.currency}"))
