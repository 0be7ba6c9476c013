"""Find customers by their id or a part of it."""

from typing import Annotated

import polars as pl
from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from serving.http.auth import get_client, get_state
from serving.http.declared_parameters import DeclaredRoute
from serving.http.fields import MAX_ID_LENGTH, NO_CONTROL_CHARS_OR_EMPTY
from serving.http.list_downloads import withheld_filter
from serving.http.paths import SEE_OTHER, UI
from serving.http.state import ServiceState
from serving.pages.render import customer_path, page
from serving.pages.session import SIGNED_IN
from serving.store.audit import record_read
from serving.store.search import find_by_part
from settings.clock import utc_now

ROUTES = APIRouter(route_class=DeclaredRoute, include_in_schema=False, dependencies=[SIGNED_IN])
MAX_FOUND = 50
SearchText = Annotated[str, Query(alias="customer_id", max_length=MAX_ID_LENGTH, pattern=NO_CONTROL_CHARS_OR_EMPTY)]


@ROUTES.get(f"{UI}/customers")
def search(request: Request, text: SearchText = "") -> Response:
    """Open the customer with this id, or the only one whose id has this text; else show those found, without objections."""
    state, part = get_state(request), text.strip()
    if not part:
        return RedirectResponse(f"{UI}/week", SEE_OTHER)
    withheld, _, rows = state.find_customers([part])
    if withheld or rows:
        return RedirectResponse(customer_path(part), SEE_OTHER)
    found = _find(state, part)
    record_read(state.engine, get_client(request).name, "customers searched", utc_now(), state.hash_id(part), found.height)
    if found.height == 1:
        return RedirectResponse(customer_path(found["customer_id"][0]), SEE_OTHER)
    shown = found.head(MAX_FOUND)
    status = 200 if found.height else 404
    return page(request, "search", status, text=part, rows=shown.to_dicts(), more=found.height > MAX_FOUND)


def _find(state: ServiceState, part: str) -> pl.DataFrame:
    """Return up to MAX_FOUND + 1 customers with `part` in their ids; more are read where some objected."""
    for limit in (4 * MAX_FOUND, 40 * MAX_FOUND, None):
        rows = find_by_part(state.engine, part, limit)
        allowed = withheld_filter(state)(rows)
        if allowed.height > MAX_FOUND or limit is None or rows.height < limit:
            break
    return allowed.head(MAX_FOUND + 1)
