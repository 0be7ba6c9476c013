"""The page of this week: the three lists with their expected gain, the effect of other budgets, and the rows to act on."""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from serving.http.auth import get_client, get_state
from serving.http.errors import ApiError
from serving.http.fields import NO_CONTROL_CHARS, FilterValue
from serving.http.list_downloads import download_of, record_list_read, withheld_filter
from serving.http.paths import SEE_OTHER, UI
from serving.http.state import ServiceState
from serving.lists.changes import CHANGE_PHRASES
from serving.lists.files import Format
from serving.lists.summary import losing_sentence
from serving.lists.weekly import build_list, issue, plan_week
from serving.pages import charts
from serving.pages.list_figures import current_figures
from serving.pages.render import page, query_string, svg_response
from serving.pages.session import SIGNED_IN, check_form
from serving.schemas.iso_weeks import sunday_of, week_of
from serving.schemas.list_kind import ListKind
from serving.store.issued import IssuedList, counting_sentence, effective_list, issued_lists, list_rows
from serving.store.runs import find_current_run
from serving.targeting.curve import ProfitCurve
from serving.targeting.exclusions import Exclusion, exclusion_sentence
from serving.targeting.plan import ListBounds
from settings.clock import utc_now

ROUTES = APIRouter(include_in_schema=False, dependencies=[SIGNED_IN])
PAGE_ROWS = 50


class FileFormat(StrEnum):
    """The file formats of a list."""

    XLSX = "xlsx"
    CSV = "csv"
    PARQUET = "parquet"


ListId = Annotated[str, Query(max_length=100, pattern=NO_CONTROL_CHARS)]
Amount = Annotated[str, Query(max_length=20)]
AMOUNT_PATTERN, MAX_AMOUNT = re.compile(r"\d+(\.\d*)?|\.\d+"), 1e12


@ROUTES.get(f"{UI}/week")
def week(
    request: Request,
    kind: ListKind = ListKind.AT_RISK,
    list_id: FilterValue = None,
    segment: FilterValue = None,
    stage: FilterValue = None,
    region: FilterValue = None,
    action: FilterValue = None,
    budget: Amount = "",
    after: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Show the lists of the current week, and the rows of one of them."""
    state = get_state(request)
    run = find_current_run(state.engine)
    if run is None:
        return page(request, "empty")
    current_week, today = week_of(run.as_of), utc_now().date()
    effective = {list_kind: effective_list(state.engine, list_kind, current_week) for list_kind in ListKind}
    lists = {name: issued if issued and issued.withdrawn_at is None else None for name, issued in effective.items()}
    chosen = _find_list(state, list_id) if list_id else lists[kind]
    filters = _filters(segment=segment, stage=stage, region=region, action=action)
    after_rank = int(after) if after.isdecimal() else 0
    return page(
        request,
        "week",
        cards={name: None if issued is None else current_figures(state, issued, {}) for name, issued in lists.items()},
        run=run,
        week=current_week,
        lists=lists,
        kind=ListKind(chosen.kind) if chosen else kind,
        chosen=chosen,
        counting=None if chosen is None else counting_sentence(chosen, effective_list(state.engine, chosen.kind, chosen.week)),
        stale=state.is_stale(run, today),
        age=(today - run.as_of).days,
        detail=None if chosen is None else _detail(request, state, chosen, filters, _parse_amount(budget), after_rank),
    )


def _filters(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _parse_amount(text: str) -> float | None:
    """Return an amount that a user typed; None for an empty or invalid one."""
    amount = float(text) if AMOUNT_PATTERN.fullmatch(text.strip()) else None
    return amount if amount is not None and amount <= MAX_AMOUNT else None


def _find_list(state: ServiceState, list_id: str) -> IssuedList:
    issued = next((issued for issued in issued_lists(state.engine) if issued.list_id == list_id), None)
    if issued is None:
        raise ApiError(404, "There is no list with this id.")
    return issued


def _detail(
    request: Request, state: ServiceState, chosen: IssuedList, filters: dict[str, str], budget: float | None, after: int
) -> dict[str, Any]:
    """Return the content of the page below the cards, and record the read in the audit."""
    figures = chosen.figures
    sums = current_figures(state, chosen, filters)
    rows = list_rows(state.engine, chosen.list_id, filters, after, PAGE_ROWS + 1)
    shown = withheld_filter(state)(rows.head(PAGE_ROWS))
    record_list_read(state, get_client(request).name, chosen, shown.height)
    return {
        "figures": figures,
        "sums": sums,
        "facets": sums["facets"],
        "filters": filters,
        "rows": shown.to_dicts(),
        "next_after": int(rows["rank"][PAGE_ROWS - 1]) if rows.height > PAGE_ROWS else None,
        "after": after,
        "exclusions": [
            exclusion_sentence(reason, count, state.settings.targeting) for reason, count in figures.get("left_out", {}).items()
        ],
        "losing": losing_sentence(figures, state.settings.value.currency),
        "changes": _changes(figures.get("changes"), state),
        "budget": budget,
        "spending": _spending(figures.get("curve"), figures.get("action_cost") if budget is None else budget),
        "expires": sunday_of(chosen.week),
    }


def _changes(changes: dict[str, Any] | None, state: ServiceState) -> dict[str, Any] | None:
    """Return the changes against the previous list, with a sentence per reason why customers left it."""
    if changes is None:
        return None
    return changes | {"gone": [_reason_gone(reason, count, state) for reason, count in changes["gone"].items()]}


def _reason_gone(reason: str, count: int, state: ServiceState) -> str:
    if reason in CHANGE_PHRASES:
        return f"{count:,} {CHANGE_PHRASES[reason]}"
    return exclusion_sentence(Exclusion(reason), count, state.settings.targeting)


def _spending(stored_curve: dict[str, Any] | None, budget: float | None) -> dict[str, float] | None:
    """Return the expected effect of a budget, by default of the most profitable one; None without a stored curve."""
    if stored_curve is None:
        return None
    curve = ProfitCurve(**stored_curve)
    spent, contacts, saved, profit = curve.at(curve.best_budget if budget is None else budget)
    effect = {"spent": spent, "contacts": contacts, "saved": saved, "wasted": contacts - saved, "profit": profit}
    return effect | {"best": curve.best_budget, "max": curve.spent[-1]}


@ROUTES.post(f"{UI}/week/issue")
def issue_lists(
    request: Request,
    csrf: Annotated[str, Form()] = "",
    kind: Annotated[ListKind | None, Form()] = None,
    budget: Annotated[str, Form(max_length=20)] = "",
) -> Response:
    """Issue this week's lists as configured, or one of them with another budget."""
    check_form(request, csrf)
    state, client, amount = get_state(request), get_client(request).name, _parse_amount(budget)
    if budget and (amount is None or kind is None):
        raise ApiError(422, "Enter the budget of one list as an amount such as 250.50.", "budget")
    bounds = {} if kind is None or amount is None else {kind: ListBounds(amount)}
    plan = plan_week(state.settings, state.engine, None, bounds)
    kinds: Iterable[ListKind] = ListKind if kind is None else [kind]
    issued = [
        issue(state.settings, state.engine, build_list(state.engine, plan, list_kind, None, amount), client, utc_now()).issued
        for list_kind in kinds
    ]
    query = query_string(kind=issued[0].kind, list_id=issued[0].list_id if kind else None)
    return RedirectResponse(f"{UI}/week{query}", SEE_OTHER)


@ROUTES.get(f"{UI}/week/download")
def download(
    request: Request,
    list_id: ListId,
    format: FileFormat = FileFormat.XLSX,  # noqa: A002  # the name of the parameter in the URL
    segment: FilterValue = None,
    stage: FilterValue = None,
    region: FilterValue = None,
    action: FilterValue = None,
    arm: FilterValue = None,
) -> Response:
    """Return the rows that pass the filters as a file."""
    state = get_state(request)
    filters = _filters(segment=segment, stage=stage, region=region, action=action, arm=arm)
    return download_of(state, get_client(request).name, _find_list(state, list_id), filters, 0, None, Format(format))


@ROUTES.get(f"{UI}/charts/budget.svg")
def budget_chart(request: Request, list_id: ListId, budget: Amount = "") -> Response:
    """Draw expected profit against budget."""
    state = get_state(request)
    curve = _find_list(state, list_id).figures.get("curve")
    if not curve:
        raise ApiError(404, "There is no such chart.")
    return svg_response(charts.budget_chart(curve, _parse_amount(budget), state.settings.value.currency))
