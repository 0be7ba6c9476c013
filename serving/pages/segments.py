"""Segments: how many customers, what they are worth, how many leave, and who moved since last month."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from serving.http.auth import state_in
from serving.http.errors import ApiError
from serving.http.paths import UI
from serving.http.state import ServiceState
from serving.pages import charts
from serving.pages.render import named, page, picture
from serving.pages.session import SIGNED_IN
from serving.store.engine import reading
from serving.store.runs import NoRunError, Run, current_run, summary_of

ROUTES = APIRouter(include_in_schema=False, dependencies=[SIGNED_IN])
Grouping = Annotated[Literal["loyalty_segment", "lifecycle_stage"], Query()]
TITLES = {"loyalty_segment": "Loyalty segments", "lifecycle_stage": "Lifecycle stages"}


@ROUTES.get(f"{UI}/segments")
def segments(request: Request) -> Response:
    """Show segments and stages of the current run."""
    run, told = _summary(state_in(request))
    if run is None:
        return page(request, "empty")
    if told is None:
        return page(request, "segments", run=run, told=None, parts=[], as_of=None)
    moves = told["moves"] or {}
    parts = [
        {
            "name": name,
            "title": title,
            "groups": told["groups"][name],
            "moves": sorted((tuple(row) for row in moves.get(name, [])), key=lambda row: -row[2]),
        }
        for name, title in TITLES.items()
    ]
    return page(request, "segments", run=run, told=told, parts=parts, as_of=moves.get("as_of"))


def _summary(state: ServiceState) -> tuple[Run | None, dict[str, Any] | None]:
    with reading(state.engine).connect() as connection:
        try:
            run = current_run(connection)
        except NoRunError:
            return None, None
        return run, summary_of(connection, run)


@ROUTES.get(f"{UI}/charts/groups.svg")
def groups_chart(request: Request, by: Grouping) -> Response:
    """Draw customers and value at risk by group."""
    state = state_in(request)
    _, told = _summary(state)
    if told is None or not told["groups"][by]:
        raise ApiError(404, "There is no such picture.")
    rows = told["groups"][by]
    names = [named(row["name"]) for row in rows]
    customers, at_risk = ([row[what] for row in rows] for what in ("customers", "value_at_risk"))
    return picture(charts.groups(names, customers, at_risk, state.settings.value.currency))


@ROUTES.get(f"{UI}/charts/moves.svg")
def moves_chart(request: Request, by: Grouping) -> Response:
    """Draw who moved from where to where."""
    _, told = _summary(state_in(request))
    rows = ((told or {}).get("moves") or {}).get(by)
    if not rows:
        raise ApiError(404, "There is no such picture.")
    return picture(charts.flow([(named(came), named(went), count) for came, went, count in rows]))
