"""Issue lists on the pages, and let a replaced list count again."""

from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from serving.http.auth import get_client, get_state
from serving.http.declared_parameters import DeclaredRoute
from serving.http.errors import ApiError
from serving.http.fields import NO_CONTROL_CHARS
from serving.http.paths import SEE_OTHER, UI
from serving.lists.issuing import issue
from serving.lists.replacement import find_replacement, reinstate
from serving.lists.weekly import WeeklyList, build_list, plan_week
from serving.pages.render import page, query_string
from serving.pages.session import CAN_ISSUE, SIGNED_IN, check_form
from serving.pages.typed_amounts import MAX_TYPED, read_amount
from serving.schemas.list_kind import ListKind
from serving.targeting.plan import ListBounds
from settings.clock import utc_now

ROUTES = APIRouter(route_class=DeclaredRoute, include_in_schema=False, dependencies=[SIGNED_IN])


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
