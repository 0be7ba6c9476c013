"""The page of segments: customers, value and risk by segment and stage, and moves since about a month before."""

from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from serving.http.auth import get_state
from serving.http.declared_parameters import DeclaredRoute
from serving.http.errors import ApiError
from serving.http.paths import UI
from serving.http.state import ServiceState
from serving.pages import charts
from serving.pages.render import display_name, empty_page, page, svg_response
from serving.pages.session import SIGNED_IN
from serving.pages.value_words import ValueParts, value_parts
from serving.store.run_summary import MONTH_DAYS
from serving.store.runs import Run, find_current_run, read_run_summary

ROUTES = APIRouter(route_class=DeclaredRoute, include_in_schema=False, dependencies=[SIGNED_IN])
Grouping = Annotated[Literal["loyalty_segment", "lifecycle_stage"], Query()]
GROUPING_TITLES = {"loyalty_segment": "Loyalty segments", "lifecycle_stage": "Lifecycle stages"}


@ROUTES.get(f"{UI}/segments")
def segments(request: Request) -> Response:
    """Show the segments and stages of the current run."""
    run, summary = _run_summary(get_state(request))
    if run is None:
        return empty_page(request)
    if summary is None:
        return page(request, "segments", run=run, summary=None, groupings=[], moved_since=None, first_moves=None)
    moves = summary["moves"] or {}
    groupings = [
        {
            "name": name,
            "title": title,
            "groups": [group | {"parts": _parts(group)} for group in summary["groups"][name]],
            "moves": sorted((tuple(row) for row in moves.get(name, [])), key=lambda row: -row[2]),
        }
        for name, title in GROUPING_TITLES.items()
    ]
    content: dict[str, Any] = {
        "groupings": groupings,
        "moved_since": moves.get("as_of"),
        "first_moves": run.as_of + timedelta(days=MONTH_DAYS),
        "parts": value_parts(summary["expected_value"], summary["value_at_risk"]),
        "value": get_state(request).settings.value,
    }
    return page(request, "segments", run=run, summary=summary, **content)


def _parts(group: dict[str, Any]) -> ValueParts:
    return value_parts(group["expected_value"], group["value_at_risk"])


def _run_summary(state: ServiceState) -> tuple[Run | None, dict[str, Any] | None]:
    run = find_current_run(state.engine)
    return run, None if run is None else read_run_summary(state.engine, run)


@ROUTES.get(f"{UI}/charts/groups.svg")
def groups_chart(request: Request, by: Grouping) -> Response:
    """Draw customers and expected loss by group."""
    state = get_state(request)
    _, summary = _run_summary(state)
    if summary is None or not summary["groups"][by]:
        raise ApiError(404, "There is no such chart.")
    groups = summary["groups"][by]
    names = [display_name(group["name"]) for group in groups]
    customers, value_at_risk = ([group[name] for group in groups] for name in ("customers", "value_at_risk"))
    return svg_response(charts.groups_chart(names, customers, value_at_risk, state.settings.value.currency))


@ROUTES.get(f"{UI}/charts/moves.svg")
def moves_chart(request: Request, by: Grouping) -> Response:
    """Draw the moves of customers between groups."""
    _, summary = _run_summary(get_state(request))
    moves = ((summary or {}).get("moves") or {}).get(by)
    if not moves:
        raise ApiError(404, "There is no such chart.")
    return svg_response(charts.flow_chart([(display_name(old), display_name(new), count) for old, new, count in moves]))
