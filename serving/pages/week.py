"""This week: the three lists, what they should bring, what another budget would, and the rows to act on."""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from serving.http.auth import client_in, state_in
from serving.http.errors import ApiError
from serving.http.fields import NO_CONTROL, Word
from serving.http.list_downloads import audit_read, download_of, still_allowed
from serving.http.paths import SEE_OTHER, UI
from serving.http.state import ServiceState, utc_now
from serving.lists.changes import SENTENCES
from serving.lists.files import Format
from serving.lists.weekly import issue, list_of, plan_week
from serving.pages import charts
from serving.pages.list_figures import figures_now
from serving.pages.render import page, picture, query
from serving.pages.session import SIGNED_IN, checked_form
from serving.schemas.iso_weeks import sunday_of, week_of
from serving.schemas.list_kind import ListKind
from serving.store.issued import IssuedList, counting_list, issued_lists, list_rows
from serving.store.runs import run_if_any
from serving.targeting.curve import Curve
from serving.targeting.exclusions import Exclusion, exclusion_sentence
from serving.targeting.plan import ListBounds

ROUTES = APIRouter(include_in_schema=False, dependencies=[SIGNED_IN])
ROWS = 50


class File(StrEnum):
    """The files that a list can be had as."""

    XLSX = "xlsx"
    CSV = "csv"
    PARQUET = "parquet"


ListId = Annotated[str, Query(max_length=100, pattern=NO_CONTROL)]
Amount = Annotated[str, Query(max_length=20)]
AMOUNT, MOST = re.compile(r"\d+(\.\d*)?|\.\d+"), 1e12


@ROUTES.get(f"{UI}/week")
def week(
    request: Request,
    kind: ListKind = ListKind.AT_RISK,
    list_id: Word = None,
    segment: Word = None,
    stage: Word = None,
    region: Word = None,
    action: Word = None,
    budget: Amount = "",
    after: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Show the lists of the current week, one of them row by row."""
    state = state_in(request)
    run = run_if_any(state.engine)
    if run is None:
        return page(request, "empty")
    present = week_of(run.as_of)
    lists = {each: counting_list(state.engine, each, present) for each in ListKind}
    chosen = _named(state, list_id) if list_id else lists[kind]
    cards = {name: None if one is None else figures_now(state, one, {}) for name, one in lists.items()}
    told: dict[str, Any] = {
        "cards": cards,
        "run": run,
        "week": present,
        "lists": lists,
        "kind": ListKind(chosen.kind) if chosen else kind,
        "chosen": chosen,
    }
    named = {"segment": segment, "stage": stage, "region": region, "action": action}
    filters = {name: value for name, value in named.items() if value}
    if chosen is None:
        return page(request, "week", **told, stale=state.is_stale(run, utc_now().date()), detail=None)
    return page(
        request,
        "week",
        **told,
        stale=state.is_stale(run, utc_now().date()),
        detail=_detail(request, state, chosen, filters, _amount(budget), int(after) if after.isdecimal() else 0),
    )


def _amount(text: str) -> float | None:
    """A budget as somebody typed it; None for nothing, and for what is no amount."""
    amount = float(text) if AMOUNT.fullmatch(text.strip()) else None
    return amount if amount is not None and amount <= MOST else None


def _named(state: ServiceState, list_id: str) -> IssuedList:
    found = next((each for each in issued_lists(state.engine) if each.list_id == list_id), None)
    if found is None:
        raise ApiError(404, "There is no list of that id.")
    return found


def _detail(
    request: Request, state: ServiceState, chosen: IssuedList, filters: dict[str, str], budget: float | None, after: int
) -> dict[str, Any]:
    figures = chosen.figures
    now = figures_now(state, chosen, filters)
    rows = list_rows(state.engine, chosen.list_id, filters, after, ROWS + 1)
    shown = still_allowed(state)(rows.head(ROWS))
    audit_read(state, client_in(request).name, chosen, shown.height)
    return {
        "figures": figures,
        "sums": now,
        "facets": now["facets"],
        "filters": filters,
        "rows": shown.to_dicts(),
        "next": int(rows["rank"][ROWS - 1]) if rows.height > ROWS else None,
        "after": after,
        "left_out": [
            exclusion_sentence(why, count, state.settings.targeting) for why, count in figures.get("left_out", {}).items()
        ],
        "changes": _changes(figures.get("changes"), state),
        "budget": budget,
        "spending": _spending(figures.get("curve"), figures.get("action_cost") if budget is None else budget),
        "expires": sunday_of(chosen.week),
    }


def _changes(changes: dict[str, Any] | None, state: ServiceState) -> dict[str, Any] | None:
    if changes is None:
        return None
    gone = [
        f"{count:,} {SENTENCES[why]}" if why in SENTENCES else _left(why, count, state) for why, count in changes["gone"].items()
    ]
    return changes | {"gone": gone}


def _left(why: str, count: int, state: ServiceState) -> str:
    return exclusion_sentence(Exclusion(why), count, state.settings.targeting)


def _spending(told: dict[str, Any] | None, budget: float | None) -> dict[str, float] | None:
    """What a budget is expected to bring; without one, the best."""
    if told is None:
        return None
    curve = Curve(**told)
    spent, contacts, saved, profit = curve.at(curve.best_budget if budget is None else budget)
    parts = {"spent": spent, "contacts": contacts, "saved": saved, "wasted": contacts - saved, "profit": profit}
    return parts | {"best": curve.best_budget, "most": curve.spent[-1]}


@ROUTES.post(f"{UI}/week/issue")
def issue_lists(
    request: Request,
    csrf: Annotated[str, Form()] = "",
    kind: Annotated[ListKind | None, Form()] = None,
    budget: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Issue this week's lists as configured, or one of them with another budget."""
    checked_form(request, csrf)
    state, client, amount = state_in(request), client_in(request).name, _amount(budget)
    if budget and (amount is None or kind is None):
        raise ApiError(422, "A budget is an amount such as 250.50, for one of the lists.", "budget")
    asked = {} if kind is None or amount is None else {kind: ListBounds(amount)}
    plan = plan_week(state.settings, state.engine, None, asked)
    kinds: Iterable[ListKind] = ListKind if kind is None else [kind]
    issued = [issue(state.engine, list_of(state.engine, plan, each, None, amount), client, utc_now())[0] for each in kinds]
    return RedirectResponse(f"{UI}/week{query(kind=issued[0].kind, list_id=issued[0].list_id if kind else None)}", SEE_OTHER)


@ROUTES.get(f"{UI}/week/download")
def download(
    request: Request,
    list_id: ListId,
    format: File = File.XLSX,  # noqa: A002  # as it stands in the link
    segment: Word = None,
    stage: Word = None,
    region: Word = None,
    action: Word = None,
    arm: Word = None,
) -> Response:
    """Return the rows that pass the filters as a file."""
    state = state_in(request)
    named = {"segment": segment, "stage": stage, "region": region, "action": action, "arm": arm}
    filters = {name: value for name, value in named.items() if value}
    return download_of(state, client_in(request).name, _named(state, list_id), filters, 0, None, Format(format))


@ROUTES.get(f"{UI}/charts/budget.svg")
def budget_chart(request: Request, list_id: ListId, budget: Amount = "") -> Response:
    """Draw expected profit against budget."""
    state = state_in(request)
    told = _named(state, list_id).figures.get("curve")
    if not told:
        raise ApiError(404, "There is no curve of that list.")
    return picture(charts.budget(told, _amount(budget), state.settings.value.currency))
