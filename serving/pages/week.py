"""The page of a week: what to do, the three lists with their expected gain, the effect of other budgets, and the rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import Response

from serving.http.auth import get_client, get_state
from serving.http.declared_parameters import DeclaredRoute
from serving.http.details import add_details, visible_details
from serving.http.errors import ApiError
from serving.http.fields import FilterValue
from serving.http.list_downloads import record_list_read, withheld_filter
from serving.http.list_evidence import issued_record
from serving.http.list_filters import PageSegment, PageStage, list_filters
from serving.http.paths import UI
from serving.http.state import ServiceState
from serving.lists.changes import CHANGE_PHRASES
from serving.lists.summary import losing_sentence
from serving.pages import charts
from serving.pages.budget_words import best_budget_sentence, curve_description
from serving.pages.decision import decision_of, next_monday, week_title
from serving.pages.downloads import ListId, reasons_of
from serving.pages.list_figures import current_figures, given_filters, require_list, rows_of_list
from serving.pages.list_table import COLUMNS, SORTABLE, Order, chosen_columns, select_page, table_of_list, visible_columns
from serving.pages.render import empty_page, page, query_string, svg_response
from serving.pages.session import SIGNED_IN
from serving.pages.typed_amounts import MAX_TYPED, read_amount
from serving.schemas.iso_weeks import sunday_of, week_of
from serving.schemas.list_kind import ListKind
from serving.store.lists.issued import IssuedList, issued_lists
from serving.store.lists.precedence import counting_sentence, effective_list
from serving.store.lists.rows import rows_of_ranks
from serving.store.runs import find_current_run
from serving.targeting.curve import ProfitCurve
from serving.targeting.exclusions import Exclusion, exclusion_sentence
from settings.sections import Settings

ROUTES = APIRouter(route_class=DeclaredRoute, include_in_schema=False, dependencies=[SIGNED_IN])


Amount = Annotated[str, Query(max_length=MAX_TYPED)]


@dataclass(frozen=True)
class TableQuery:
    """Which rows of a list the page shows and how: filters, order, columns (none: the usual ones), and the row to start after."""

    filters: dict[str, Any]
    order: Order
    columns: list[str]
    after: int

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of a link to the same rows, without the row to start after."""
        return self.filters | {"sort": str(self.order), "column": self.columns}


def _table_query(
    segment: PageSegment = None,
    stage: PageStage = None,
    region: FilterValue = None,
    action: FilterValue = None,
    sort: Annotated[str, Query(max_length=30)] = "",
    column: Annotated[Sequence[str], Query(max_length=len(COLUMNS))] = (),
    after: Annotated[str, Query(max_length=10)] = "",
) -> TableQuery:
    filters = given_filters(segment=segment, stage=stage, region=region, action=action)
    chosen_columns(column)
    return TableQuery(filters, Order.parse(sort), list(column), int(after) if after.isdecimal() else 0)


@ROUTES.get(f"{UI}/week")
def week(
    request: Request,
    query: Annotated[TableQuery, Depends(_table_query)],
    kind: ListKind = ListKind.AT_RISK,
    list_id: FilterValue = None,
    budget: Amount = "",
) -> Response:
    """Show the lists of the current week, and the rows of one of them."""
    state = get_state(request)
    run = find_current_run(state.engine)
    if run is None:
        return empty_page(request)
    current_week, today = week_of(run.as_of), state.today
    effective = {list_kind: effective_list(state.engine, list_kind, current_week) for list_kind in ListKind}
    lists = {name: issued if issued and issued.withdrawn_at is None else None for name, issued in effective.items()}
    chosen = require_list(state, list_id) if list_id else lists[kind]
    typed = read_amount(budget, state.settings.value.currency)
    if chosen is not None:
        query = replace(query, filters=list_filters(state, chosen, **query.filters))
    return page(
        request,
        "week",
        422 if typed.problem else 200,
        budget_problem=typed.problem,
        typed_budget=budget,
        cards={name: None if issued is None else current_figures(state, issued, {}) for name, issued in lists.items()},
        run=run,
        week=current_week,
        title=week_title(chosen.week if chosen else current_week),
        is_now=week_of(today) == current_week,
        next_list=next_monday(current_week),
        lists=lists,
        kind=ListKind(chosen.kind) if chosen else kind,
        chosen=chosen,
        replaced=[] if chosen is None else _replaced(state, chosen, effective[ListKind(chosen.kind)]),
        stale=state.is_stale(run, today),
        age=(today - run.as_of).days,
        detail=None if chosen is None else _detail(request, state, chosen, query, typed.amount),
    )


def _replaced(state: ServiceState, chosen: IssuedList, effective: IssuedList | None) -> list[IssuedList]:
    """Return the lists of this week that can count again in place of the one that counts."""
    others = issued_lists(state.engine, chosen.kind, chosen.week)
    can_count = (issued for issued in others if issued.row_limit is None and issued.withdrawn_at is None)
    return [issued for issued in can_count if effective is None or issued.list_id != effective.list_id]


def _detail(request: Request, state: ServiceState, chosen: IssuedList, query: TableQuery, budget: float | None) -> dict[str, Any]:
    """Return the content of the page about one list, and record the read in the audit."""
    figures, whole, today = chosen.figures, current_figures(state, chosen, {}), state.today
    sums = current_figures(state, chosen, query.filters) if query.filters else whole
    return {
        "decision": decision_of(chosen, whole, today),
        "cautions": reasons_of(state, chosen),
        "counting": counting_sentence(chosen, effective_list(state.engine, chosen.kind, chosen.week)),
        "figures": figures,
        "sums": sums,
        "facets": sums["facets"],
        "filters": query.filters,
        "table": _table(request, state, chosen, query, is_assumed=whole["evidence"].is_assumed),
        "link": _link_function(chosen, query, budget),
        "exclusions": [
            exclusion_sentence(reason, count, state.settings.targeting) for reason, count in figures.get("left_out", {}).items()
        ],
        "losing": losing_sentence(figures, state.settings.value.currency),
        "changes": _changes(figures.get("changes"), state),
        "budget": budget,
        "spending": _spending(chosen, budget, state.settings) if whole["evidence"].is_promised else None,
        "evidence": whole["evidence"],
        "record": issued_record(chosen),
        "length": figures.get("length"),
        "gain_days": sums["gain_days"],
        "expires": sunday_of(chosen.week),
    }


def _table(request: Request, state: ServiceState, chosen: IssuedList, query: TableQuery, *, is_assumed: bool) -> dict[str, Any]:
    """Return the table of customers: the rows of the page, its place among all rows, its columns and its order."""
    rows_of_page, shown = select_page(rows_of_list(state, chosen), query.filters, query.order, query.after)
    client = get_client(request)
    details = visible_details(state, client)
    allowed = withheld_filter(state)(rows_of_ranks(state.engine, chosen.list_id, rows_of_page.ranks))
    rows = add_details(state, allowed, details)
    record_list_read(state, client.name, chosen, rows.height)
    columns = visible_columns(chosen_columns(query.columns), details, is_assumed=is_assumed)
    return table_of_list(rows, shown, columns) | {
        "page": rows_of_page,
        "order": query.order,
        "choices": visible_columns(COLUMNS, details, is_assumed=is_assumed),
        "sortable": visible_columns(SORTABLE.values(), details, is_assumed=is_assumed),
        "chosen_names": {column.name for column in columns},
        "custom": query.columns,
    }


def _link_function(chosen: IssuedList, query: TableQuery, budget: float | None) -> Callable[..., str]:
    """Return a function that makes a link to this page with other parameters; None or "" leaves a parameter out."""
    parameters = {"kind": chosen.kind, "list_id": chosen.list_id, "budget": budget} | query.parameters()
    return lambda **changes: f"{UI}/week{query_string(**(parameters | changes))}"


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
    """Return the expected effect of a budget, by default of what the list costs; None without a stored curve."""
    if not chosen.figures.get("curve"):
        return None
    curve = ProfitCurve(**chosen.figures["curve"])
    best, maximum = curve.best_budget, curve.spent[-1]
    at = chosen.figures.get("action_cost", best) if budget is None else budget
    spent, contacts, saved, profit = curve.at(at)
    effect = {"spent": spent, "contacts": contacts, "saved": saved, "wasted": contacts - saved, "profit": profit}
    currency, is_service = settings.value.currency, chosen.kind == ListKind.RECOVERY
    answers_all = is_service and any(action.is_unconditional for action in settings.targeting.actions)
    return effect | {
        "range": curve.range_at(at),
        "best": best,
        "max": maximum,
        "sentence": best_budget_sentence(
            best, maximum, currency, what="answer" if is_service else "contact", answers_all=answers_all
        ),
        "description": curve_description(best, maximum, currency),
    }


@ROUTES.get(f"{UI}/charts/budget.svg")
def budget_chart(request: Request, list_id: ListId, budget: Amount = "") -> Response:
    """Draw expected profit against budget."""
    state = get_state(request)
    figures = require_list(state, list_id).figures
    curve, is_assumed = figures.get("curve"), figures.get("evidence", {}).get("is_assumed", True)
    if not curve:
        raise ApiError(404, "There is no such chart.")
    currency = state.settings.value.currency
    return svg_response(charts.budget_chart(curve, read_amount(budget, currency).amount, currency, is_assumed=is_assumed))
