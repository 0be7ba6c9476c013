"""The page of this week: the three lists with their expected gain, the effect of other budgets, and the rows to act on."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import RedirectResponse, Response

from serving.http.auth import get_client, get_state
from serving.http.declared_parameters import DeclaredRoute
from serving.http.errors import ApiError
from serving.http.fields import NO_CONTROL_CHARS, FilterValue
from serving.http.list_downloads import download_of, record_list_read, withheld_filter
from serving.http.list_filters import PageSegment, PageStage, list_filters
from serving.http.paths import SEE_OTHER, UI
from serving.http.state import ServiceState
from serving.lists.changes import CHANGE_PHRASES
from serving.lists.files import Format
from serving.lists.replacement import find_replacement, reinstate
from serving.lists.summary import losing_sentence
from serving.lists.weekly import WeeklyList, build_list, issue, plan_week
from serving.pages import charts
from serving.pages.budget_words import best_budget_sentence, curve_description
from serving.pages.list_figures import current_figures
from serving.pages.render import page, query_string, svg_response
from serving.pages.session import CAN_ISSUE, SIGNED_IN, check_form
from serving.pages.typed_amounts import read_amount
from serving.schemas.iso_weeks import sunday_of, week_of
from serving.schemas.list_filters import Arm
from serving.schemas.list_kind import ListKind
from serving.store.issued import IssuedList, counting_sentence, effective_list, find_list, issued_lists, list_rows
from serving.store.runs import find_current_run
from serving.targeting.curve import ProfitCurve
from serving.targeting.exclusions import Exclusion, exclusion_sentence
from serving.targeting.plan import ListBounds
from settings.clock import utc_now
from settings.sections import Settings

ROUTES = APIRouter(route_class=DeclaredRoute, include_in_schema=False, dependencies=[SIGNED_IN])
PAGE_ROWS = 50


class FileFormat(StrEnum):
    """The file formats of a list."""

    XLSX = "xlsx"
    CSV = "csv"
    PARQUET = "parquet"


ListId = Annotated[str, Query(max_length=100, pattern=NO_CONTROL_CHARS)]
MAX_TYPED = 100
Amount = Annotated[str, Query(max_length=MAX_TYPED)]


@ROUTES.get(f"{UI}/week")
def week(
    request: Request,
    kind: ListKind = ListKind.AT_RISK,
    list_id: FilterValue = None,
    segment: PageSegment = None,
    stage: PageStage = None,
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
    after_rank, typed = int(after) if after.isdecimal() else 0, read_amount(budget, state.settings.value.currency)
    filters = {} if chosen is None else list_filters(state, chosen, Arm.ALL, segment, stage, region or None, action or None)
    return page(
        request,
        "week",
        422 if typed.problem else 200,
        budget_problem=typed.problem,
        typed_budget=budget,
        cards={name: None if issued is None else current_figures(state, issued, {}) for name, issued in lists.items()},
        run=run,
        week=current_week,
        lists=lists,
        kind=ListKind(chosen.kind) if chosen else kind,
        chosen=chosen,
        counting=None if chosen is None else counting_sentence(chosen, effective_list(state.engine, chosen.kind, chosen.week)),
        replaced=[] if chosen is None else _replaced(state, chosen, effective[ListKind(chosen.kind)]),
        stale=state.is_stale(run, today),
        age=(today - run.as_of).days,
        detail=None if chosen is None else _detail(request, state, chosen, filters, typed.amount, after_rank),
    )


def _replaced(state: ServiceState, chosen: IssuedList, effective: IssuedList | None) -> list[IssuedList]:
    """Return the lists of this week that can count again in place of the one that counts."""
    others = issued_lists(state.engine, chosen.kind, chosen.week)
    can_count = (issued for issued in others if issued.row_limit is None and issued.withdrawn_at is None)
    return [issued for issued in can_count if effective is None or issued.list_id != effective.list_id]


def _find_list(state: ServiceState, list_id: str) -> IssuedList:
    issued = find_list(state.engine, list_id)
    if issued is None:
        raise ApiError(404, "There is no list with this id.")
    return issued


def _detail(
    request: Request, state: ServiceState, chosen: IssuedList, filters: dict[str, str], budget: float | None, after: int
) -> dict[str, Any]:
    """Return the content of the page below the cards, and record the read in the audit."""
    figures, whole = chosen.figures, current_figures(state, chosen, {})
    sums = current_figures(state, chosen, filters) if filters else whole
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
        "spending": _spending(chosen, figures.get("action_cost") if budget is None else budget, state.settings),
        "evidence": whole["evidence"],
        "gain_days": sums["gain_days"],
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


def _spending(chosen: IssuedList, budget: float | None, settings: Settings) -> dict[str, Any] | None:
    """Return the expected effect of a budget, by default of the most profitable one; None without a stored curve."""
    if not chosen.figures.get("curve"):
        return None
    curve = ProfitCurve(**chosen.figures["curve"])
    at, best, maximum = curve.best_budget if budget is None else budget, curve.best_budget, curve.spent[-1]
    spent, contacts, saved, profit = curve.at(at)
    effect = {"spent": spent, "contacts": contacts, "saved": saved, "wasted": contacts - saved, "profit": profit}
    currency, is_service = settings.value.currency, chosen.kind == ListKind.RECOVERY
    answers_all = is_service and any(action.is_unconditional for action in settings.targeting.actions)
    return effect | {
        "range": curve.range_at(at),
        "best": best,
        "max": maximum,
        "sentence": best_budget_sentence(best, maximum, currency, is_service=is_service, is_unconditional=answers_all),
        "description": curve_description(best, maximum, currency),
    }


@ROUTES.post(f"{UI}/week/issue", dependencies=[CAN_ISSUE])
def issue_lists(
    request: Request,
    csrf: Annotated[str, Form()] = "",
    kind: Annotated[ListKind | None, Form()] = None,
    budget: Annotated[str, Form(max_length=MAX_TYPED)] = "",
    replaces: Annotated[str, Form(max_length=2_000)] = "",
) -> Response:
    """Issue this week's lists as configured, or one of them with another budget.

    If that replaces a list that was read or downloaded, ask first: `replaces` has the ids that were confirmed.
    """
    check_form(request, csrf)
    state, client = get_state(request), get_client(request).name
    typed = read_amount(budget, state.settings.value.currency)
    amount = typed.amount
    if typed.problem or (amount is not None and kind is None):
        raise ApiError(422, typed.problem or "A budget is for one list: choose its kind.", "budget")
    bounds = {} if kind is None or amount is None else {kind: ListBounds(amount)}
    plan = plan_week(state.settings, state.engine, None, bounds)
    kinds: Iterable[ListKind] = ListKind if kind is None else [kind]
    weeklies = [build_list(state.engine, plan, list_kind, None, amount) for list_kind in kinds]
    _refuse_no_contacts(weeklies, amount)
    replacements = [found for weekly in weeklies if (found := find_replacement(state.engine, weekly)) is not None]
    if {found.issued.list_id for found in replacements} - set(replaces.split()):
        return page(request, "replace", 409, kind=kind, amount=budget, replacements=replacements, weeklies=weeklies)
    issued = [issue(state.settings, state.engine, weekly, client, utc_now()).issued for weekly in weeklies]
    query = query_string(kind=issued[0].kind, list_id=issued[0].list_id if kind else None)
    return RedirectResponse(f"{UI}/week{query}", SEE_OTHER)


def _refuse_no_contacts(weeklies: list[WeeklyList], amount: float | None) -> None:
    """Raise ApiError 422 for a budget that buys no contact."""
    if amount is not None and all(weekly.summary["treated"] == 0 for weekly in weeklies):
        raise ApiError(422, f"A budget of {amount:g} buys no contact, so nothing was issued.", "budget")


@ROUTES.post(f"{UI}/week/reinstate", dependencies=[CAN_ISSUE])
def reinstate_list(
    request: Request, list_id: Annotated[str, Form(max_length=100, pattern=NO_CONTROL_CHARS)], csrf: Annotated[str, Form()] = ""
) -> Response:
    """Let a replaced list count again."""
    check_form(request, csrf)
    issued = reinstate(get_state(request).engine, list_id, get_client(request).name, utc_now(), "on the page")
    return RedirectResponse(f"{UI}/week{query_string(kind=issued.kind, list_id=issued.list_id)}", SEE_OTHER)


@ROUTES.get(f"{UI}/week/download")
def download(
    request: Request,
    list_id: ListId,
    format: FileFormat = FileFormat.XLSX,  # noqa: A002  # the name of the parameter in the URL
    segment: PageSegment = None,
    stage: PageStage = None,
    region: FilterValue = None,
    action: FilterValue = None,
    arm: Arm = Arm.TREATED,
) -> Response:
    """Return the rows that pass the filters as a file for people; held-out customers only on request."""
    state = get_state(request)
    issued = _find_list(state, list_id)
    filters = list_filters(state, issued, arm, segment, stage, region or None, action or None)
    return download_of(state, get_client(request).name, issued, filters, Format(format), spreadsheet=True)


@ROUTES.get(f"{UI}/charts/budget.svg")
def budget_chart(request: Request, list_id: ListId, budget: Amount = "") -> Response:
    """Draw expected profit against budget."""
    state = get_state(request)
    figures = _find_list(state, list_id).figures
    curve, is_assumed = figures.get("curve"), figures.get("evidence", {}).get("is_assumed", True)
    if not curve:
        raise ApiError(404, "There is no such chart.")
    currency = state.settings.value.currency
    return svg_response(charts.budget_chart(curve, read_amount(budget, currency).amount, currency, is_assumed=is_assumed))
