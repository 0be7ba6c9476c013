"""Find customers by their id, a part of it, or a detail such as the e-mail address."""

from typing import Annotated

import polars as pl
from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from serving.http.auth import get_client, get_state
from serving.http.declared_parameters import DeclaredRoute
from serving.http.details import add_details, visible_details
from serving.http.fields import MAX_ID_LENGTH, NO_CONTROL_CHARS_OR_EMPTY
from serving.http.list_downloads import withheld_filter
from serving.http.paths import SEE_OTHER, UI
from serving.http.state import ServiceState
from serving.pages.render import customer_path, page
from serving.pages.session import SIGNED_IN
from serving.schemas.details import TITLES
from serving.store.audit import record_read
from serving.store.search import find_by_part
from settings.clock import utc_now

ROUTES = APIRouter(route_class=DeclaredRoute, include_in_schema=False, dependencies=[SIGNED_IN])
MAX_FOUND = 50
SearchText = Annotated[str, Query(alias="customer_id", max_length=MAX_ID_LENGTH, pattern=NO_CONTROL_CHARS_OR_EMPTY)]


@ROUTES.get(f"{UI}/customers")
def search(request: Request, text: SearchText = "") -> Response:
    """Open the customer with this id, or the only one whose id has this text; else show those found, without objections.

    A client that may see details finds customers by them too.
    """
    state, client, part = get_state(request), get_client(request), text.strip()
    if not part:
        return RedirectResponse(f"{UI}/week", SEE_OTHER)
    withheld, _, scores = state.find_customers([part])
    if withheld or scores:
        return RedirectResponse(customer_path(part), SEE_OTHER)
    details = visible_details(state, client)
    found = _find(state, part, in_details=bool(details))
    record_read(state.engine, client.name, "customers searched", utc_now(), state.hash_id(part), found.height)
    if found.height == 1:
        return RedirectResponse(customer_path(found["customer_id"][0]), SEE_OTHER)
    rows = add_details(state, found.head(MAX_FOUND), details).to_dicts()
    titles = {name: TITLES[name] for name in details}
    status = 200 if found.height else 404
    return page(request, "search", status, text=part, rows=rows, more=found.height > MAX_FOUND, details=titles)


def _find(state: ServiceState, part: str, *, in_details: bool) -> pl.DataFrame:
    """Return up to MAX_FOUND + 1 customers with `part` in their ids or details; more are read where some objected."""
    for limit in (4 * MAX_FOUND, 40 * MAX_FOUND, None):
        rows = find_by_part(state.engine, part, limit, in_details=in_details)
        allowed = withheld_filter(state)(rows)
        if allowed.height > MAX_FOUND or limit is None or rows.height < limit:
            break
    return allowed.head(MAX_FOUND + 1)
