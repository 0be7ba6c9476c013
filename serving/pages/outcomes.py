"""The page of outcomes: what the lists earned against their control groups."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from serving.http.auth import get_state
from serving.http.declared_parameters import DeclaredRoute
from serving.http.errors import ApiError
from serving.http.paths import UI
from serving.http.state import ServiceState
from serving.outcomes.report import REPORT
from serving.outcomes.tables import NOTE_ON_GLOBAL_CONTROL, is_conclusive, join_titles, merge_equal_tables, row_figures
from serving.pages import charts
from serving.pages.decision import first_result_day
from serving.pages.render import display_name, page, svg_response
from serving.pages.session import SIGNED_IN
from serving.store.lists.precedence import effective_lists
from serving.store.reports import read_report

ROUTES = APIRouter(route_class=DeclaredRoute, include_in_schema=False, dependencies=[SIGNED_IN])
SCOPES = {"kind": "By list", "action": "By action", "segment": "By loyalty segment", "list": "Each issued list"}
CHART_SCOPES = ("kind", "action", "segment")
MAX_LISTS = 30


@ROUTES.get(f"{UI}/outcomes")
def outcomes(request: Request) -> Response:
    """Show the newest measurement."""
    engine = get_state(request).engine
    report = read_report(engine, REPORT)
    if report is None:
        return page(request, "outcomes", total=None, first_result=first_result_day(effective_lists(engine)))
    made_at, content = report
    rows = content["earned"]
    total = _first_row(rows, "all")
    return page(
        request,
        "outcomes",
        made_at=made_at,
        until=content["until"],
        total=total,
        is_known=total is not None and is_conclusive(total),
        global_control=_first_row(rows, "global"),
        note_on_global_control=NOTE_ON_GLOBAL_CONTROL,
        tables=_tables(rows),
        weeks=_cumulated_weeks(rows),
        has_chart=bool(_chart_rows(rows)),
    )


def _scope_rows(rows: list[dict[str, Any]], scope: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["scope"] == scope]


def _tables(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the tables with their titles; each row has its names by scope, and tables with equal figures are one."""
    by_scope = {scope: _scope_rows(rows, scope)[:MAX_LISTS] for scope in SCOPES}
    return [
        {
            "title": join_titles([SCOPES[scope] for scope in table.scopes]),
            "rows": [row | {"names": _distinct(names)} for row, names in zip(table.rows, table.names, strict=True)],
        }
        for table in merge_equal_tables(by_scope, lambda row: str(row["name"]), row_figures)
    ]


def _distinct(names: Mapping[str, str]) -> dict[str, str]:
    """Return the names of a row by scope, without a scope whose name an earlier one has."""
    first_scopes: dict[str, str] = {}
    for scope, name in names.items():
        first_scopes.setdefault(name, scope)
    return {scope: name for name, scope in first_scopes.items()}


def _cumulated_weeks(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the cumulative results by week, without weeks up to which there is no estimate."""
    return [row for row in _scope_rows(rows, "cumulated") if row["profit"]]


def _chart_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows with an estimate that the chart of lists, actions and segments shows; equal tables once."""
    by_scope = {scope: _scope_rows(rows, scope) for scope in CHART_SCOPES}
    tables = merge_equal_tables(by_scope, lambda row: str(row["name"]), row_figures)
    return [row for table in tables for row in table.rows if row["profit"]]


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
    is_known = [is_conclusive(row) for row in rows]
    return svg_response(charts.intervals_chart(names, means, lows, highs, label, is_known))


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
