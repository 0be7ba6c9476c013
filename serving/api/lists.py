"""Lists: those there are, pages of one, and downloads that spreadsheets open."""

import base64
import binascii
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from serving.api.responses import ListIndex, ListPage
from serving.api.scores import json_reply
from serving.http.auth import client_in, require, state_in
from serving.http.errors import ApiError, described
from serving.http.fields import NO_CONTROL_OR_EMPTY, Word
from serving.http.json_route import StrictRoute
from serving.http.list_downloads import PARQUET, SPREADSHEET, audit_read, download_of, still_allowed
from serving.http.metrics import store_time
from serving.http.state import ServiceState, utc_now
from serving.lists.files import Format
from serving.lists.weekly import issue, make_list
from serving.schemas.iso_weeks import sunday_of, week_of
from serving.schemas.list_kind import ListKind
from serving.store.engine import reading
from serving.store.issued import IssuedList, counting_list, issued_lists, list_rows
from serving.store.keys import Scope
from serving.store.runs import current_run

ROUTES = APIRouter(route_class=StrictRoute, tags=["lists"], dependencies=[require(Scope.LIST)])
USUAL_PAGE, MAX_ROWS = 100, 10_000_000
HEAD = ("list_id", "kind", "week", "run_id", "data_as_of", "model_version", "rows", "row_limit", "budget", "issued_by")
FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A page of the list, or the whole list as a file",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            SPREADSHEET: {"schema": {"type": "string", "format": "binary"}},
            PARQUET: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


@ROUTES.get("/lists", response_model=ListIndex, responses=described(), summary="The lists that were issued")
def lists(request: Request, limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> Response:
    """Return the lists that were issued, the newest first."""
    return json_reply({"lists": [_head(each) for each in issued_lists(state_in(request).engine)[:limit]]})


@ROUTES.get("/lists/{kind}", response_model=ListPage, responses=FILES | described(404), summary="A page of a list, or a download")
def one_list(
    request: Request,
    kind: ListKind,
    week: Annotated[
        str | None, Query(pattern=NO_CONTROL_OR_EMPTY, description="ISO week, as 2026-W47; by default that of the current run")
    ] = None,
    list_id: Annotated[
        str | None, Query(max_length=100, pattern=NO_CONTROL_OR_EMPTY, description="A list of the index, in place of a week")
    ] = None,
    segment: Word = None,
    stage: Word = None,
    region: Word = None,
    action: Word = None,
    arm: Word = None,
    limit: Annotated[int | None, Query(ge=1, le=MAX_ROWS, description="Rows of a page, or of the file")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="next_cursor of the page before")] = None,
    format: Format = Format.JSON,  # noqa: A002  # the name of the parameter in the URL
) -> Response:
    """Return rows of the list of a week by rank, without customers who objected or were erased since.

    A list is issued once, when it is first asked for or by the command `list`, and then stays as it is. Who reads it, how
    many rows and when is kept in the audit.
    """
    state = state_in(request)
    pinned, after = _placed(cursor)
    with store_time("list"):
        found = _find(state, kind, week, pinned or list_id, client_in(request).name)
    if pinned and list_id not in {None, pinned}:
        raise ApiError(422, "The cursor is of another list.", "cursor")
    named = {"segment": segment, "stage": stage, "region": region, "action": action, "arm": arm}
    filters = {name: value for name, value in named.items() if value is not None}
    if format is not Format.JSON:
        return download_of(state, client_in(request).name, found, filters, after, limit, format)
    most = min(limit or USUAL_PAGE, state.settings.serving.max_page_rows)
    with store_time("list"):
        rows = list_rows(state.engine, found.list_id, filters, after, most + 1)
    shown = still_allowed(state)(rows.head(most))
    audit_read(state, client_in(request).name, found, shown.height)
    cursor_on = _cursor(found.list_id, int(rows["rank"][most - 1])) if rows.height > most else None
    return json_reply({"list": _head(found), "rows": shown.to_dicts(), "next_cursor": cursor_on})


def _find(state: ServiceState, kind: ListKind, week: str | None, list_id: str | None, client: str) -> IssuedList:
    """The list named by its id; else the one of the week that counts as acted on, and a new one where there is none."""
    if list_id:
        named = next((each for each in issued_lists(state.engine, kind) if each.list_id == list_id), None)
        if named is None:
            raise ApiError(404, f"There is no list {kind} of that id.", "list_id")
        return named
    with reading(state.engine).connect() as connection:
        present = week_of(current_run(connection).as_of)
    found = counting_list(state.engine, kind, week or present)
    if found is not None and found.row_limit is None:
        return found
    if week not in {None, present}:
        sunday_of(str(week))
        raise ApiError(404, f"No list {kind} was issued for {week}; the present week is {present}.", "week")
    return issue(state.engine, make_list(state.settings, state.engine, kind), client, utc_now())[0]


def _head(found: IssuedList) -> dict[str, Any]:
    about = {name: getattr(found, name) for name in HEAD}
    return about | {"issued_at": f"{found.issued_at.isoformat()}Z", "churn_sentence": found.churn_sentence}


def _cursor(list_id: str, rank: int) -> str:
    return base64.urlsafe_b64encode(f"{list_id} {rank}".encode()).decode().rstrip("=")


def _placed(cursor: str | None) -> tuple[str | None, int]:
    """The list a cursor is of, and the rank it stands at."""
    if cursor is None:
        return None, 0
    try:
        list_id, _, rank = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        if 0 <= int(rank) <= MAX_ROWS:
            return list_id, int(rank)
    except (ValueError, binascii.Error):
        pass
    raise ApiError(422, "The cursor is none that a page of a list gave.", "cursor")
