"""Lists: the index, pages of a list, and downloads for spreadsheets."""

import base64
import binascii
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from serving.api.responses import ForecastRecord, ListIndex, ListPage
from serving.api.scores import json_reply
from serving.http.auth import get_client, get_state, require
from serving.http.details import add_details, requested_details
from serving.http.errors import ApiError, error_responses
from serving.http.etag import entity_tag, not_modified
from serving.http.fields import NO_CONTROL_CHARS_OR_EMPTY, FilterValue
from serving.http.json_route import StrictRoute
from serving.http.list_downloads import PARQUET_TYPE, XLSX_TYPE, download_of, record_list_read, withheld_filter
from serving.http.list_filters import list_filters
from serving.http.metrics import store_time
from serving.http.state import ServiceState
from serving.lists.files import Format
from serving.schemas.iso_weeks import sunday_of, week_of
from serving.schemas.list_filters import Arm, Segment, Stage
from serving.schemas.list_kind import ListKind
from serving.store.keys import Scope
from serving.store.lists.issued import IssuedList, find_list, issued_lists
from serving.store.lists.precedence import effective_list, effective_lists
from serving.store.lists.rows import list_rows
from serving.store.runs import read_current_run

ROUTES = APIRouter(route_class=StrictRoute, tags=["lists"], dependencies=[require(Scope.LIST)])
DEFAULT_PAGE_ROWS, MAX_ROWS = 100, 10_000_000
HEAD_FIELDS = ("list_id", "kind", "week", "run_id", "data_as_of", "model_version", "rows", "row_limit", "budget", "issued_by")
LIST_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A page of the list, or the whole list as a file",
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            XLSX_TYPE: {"schema": {"type": "string", "format": "binary"}},
            PARQUET_TYPE: {"schema": {"type": "string", "format": "binary"}},
        },
    },
    304: {"description": "The client has this reply already: If-None-Match names its ETag"},
}


@ROUTES.get("/lists", response_model=ListIndex, responses=error_responses(), summary="The issued lists")
def lists(request: Request, limit: Annotated[int, Query(ge=1, le=1_000)] = 100) -> Response:
    """Return the issued lists, the newest first."""
    engine = get_state(request).engine
    counting = {issued.list_id for issued in effective_lists(engine)}
    return json_reply({"lists": [_head(issued, issued.list_id in counting) for issued in issued_lists(engine)[:limit]]})


@ROUTES.get(
    "/lists/{kind}",
    response_model=ListPage,
    responses=LIST_RESPONSES | error_responses(404),
    summary="A page of a list, or a download",
)
def one_list(
    request: Request,
    kind: ListKind,
    week: Annotated[
        str | None,
        Query(pattern=NO_CONTROL_CHARS_OR_EMPTY, description="ISO week, such as 2026-W47; by default that of the current run"),
    ] = None,
    list_id: Annotated[
        str | None,
        Query(max_length=100, pattern=NO_CONTROL_CHARS_OR_EMPTY, description="The id of an issued list, in place of a week"),
    ] = None,
    segment: Annotated[Segment | None, Query(description="Only this loyalty segment")] = None,
    stage: Annotated[Stage | None, Query(description="Only this lifecycle stage")] = None,
    region: FilterValue = None,
    action: FilterValue = None,
    arm: Annotated[
        Arm, Query(description="`treated`, by default: the customers to act on; `control`: those held out; `all`: both")
    ] = Arm.TREATED,
    limit: Annotated[int | None, Query(ge=1, le=MAX_ROWS, description="Maximum number of rows of the page or file")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="next_cursor of the previous page")] = None,
    format: Format = Format.JSON,  # noqa: A002  # the name of the parameter in the URL
    spreadsheet: Annotated[  # noqa: FBT002  # a switch of the URL
        bool, Query(description="CSV for people: with a byte order mark, and an apostrophe before texts that look like formulas")
    ] = False,
    details: Annotated[  # noqa: FBT002  # likewise
        bool,
        Query(description="Add the names, e-mail addresses and the like that the company maps; needs the scope `details`"),
    ] = False,
) -> Response:
    """Return rows of a week's list by rank, without customers who objected or were erased since it was issued.

    Without `arm` they are those to act on; held-out customers come with `arm=all` or `arm=control` only. Reading issues nothing:
    404 says how to issue a list. An issued list never changes. The audit records each read with client, time and number of rows.
    """
    state = get_state(request)
    cursor_list_id, after = _parse_cursor(cursor)
    with store_time("list"):
        issued = _find_list(state, kind, week, cursor_list_id or list_id)
    if cursor_list_id and list_id not in {None, cursor_list_id}:
        raise ApiError(422, "The cursor belongs to another list.", "cursor")
    added = requested_details(state, get_client(request)) if details else []
    run = read_current_run(state.engine).run_id if details else None
    tag = entity_tag(state, request, run, *list_head(state, issued).items())
    unchanged = not_modified(request, tag)
    if unchanged is not None:
        return unchanged
    client, filters = get_client(request), list_filters(state, issued, arm, segment, stage, region, action)
    if format is not Format.JSON:
        file = download_of(
            state, client.name, issued, filters, format, after=after, limit=limit, spreadsheet=spreadsheet, details=added
        )
        return _tagged(file, tag)
    max_rows = min(limit or DEFAULT_PAGE_ROWS, state.settings.serving.max_page_rows)
    with store_time("list"):
        rows = list_rows(state.engine, issued.list_id, filters, after, max_rows + 1)
    shown = add_details(state, withheld_filter(state)(rows.head(max_rows)), added)
    record_list_read(state, client.name, issued, shown.height)
    next_cursor = _cursor(issued.list_id, int(rows["rank"][max_rows - 1])) if rows.height > max_rows else None
    reply = {"list": list_head(state, issued), "arm": arm, "rows": shown.to_dicts(), "next_cursor": next_cursor}
    return _tagged(json_reply(reply), tag)


def _tagged(response: Response, tag: str) -> Response:
    response.headers["etag"] = tag
    return response


def _find_list(state: ServiceState, kind: ListKind, week: str | None, list_id: str | None) -> IssuedList:
    """Return the list of that id, or the effective list of the week. Raises ApiError 404 if there is none."""
    if list_id:
        issued = find_list(state.engine, list_id, kind)
        if issued is None:
            raise ApiError(404, f"There is no {kind} list with this id.", "list_id")
        return issued
    current_week = week_of(read_current_run(state.engine).as_of)
    issued = effective_list(state.engine, kind, week or current_week)
    if issued is not None and issued.row_limit is None and issued.withdrawn_at is None:
        return issued
    if week not in {None, current_week}:
        sunday_of(str(week))  # a malformed week is 422, not 404
        raise ApiError(404, f"No {kind} list was issued for {week}; the current week is {current_week}.", "week")
    raise ApiError(
        404,
        f"No {kind} list has been issued for {current_week}. "
        f"Issue it with POST /lists/{kind}, or with the command `list --kind {kind}` or `run`.",
        "week",
    )


def list_head(state: ServiceState, issued: IssuedList) -> dict[str, Any]:
    """Return the fields of ListHead."""
    effective = effective_list(state.engine, issued.kind, issued.week)
    return _head(issued, effective is not None and effective.list_id == issued.list_id)


def _head(issued: IssuedList, is_effective: bool) -> dict[str, Any]:  # noqa: FBT001  # private
    withdrawn_at = issued.withdrawn_at
    return {name: getattr(issued, name) for name in HEAD_FIELDS} | {
        "issued_at": f"{issued.issued_at.isoformat()}Z",
        "withdrawn_at": None if withdrawn_at is None else f"{withdrawn_at.isoformat()}Z",
        "churn_sentence": issued.churn_sentence,
        "counts": is_effective and withdrawn_at is None,
        "length_sentence": issued.figures.get("length"),
        "evidence": _evidence(issued.figures),
        "track_record": _track_record(issued.figures),
    }


def _evidence(figures: dict[str, Any]) -> dict[str, Any] | None:
    """Return the fields of ListEvidence; None for lists of earlier versions."""
    stored = figures.get("evidence")
    if stored is None:
        return None
    fields = {name: stored[name] for name in ("verdict", "expected_gain", "low", "high", "is_assumed", "sentence")}
    return fields | {"horizon_days": figures["value_horizon_days"], "is_promised": stored.get("is_promised", True)}


def _track_record(figures: dict[str, Any]) -> dict[str, Any] | None:
    """Return the fields of ForecastRecord; None for lists of earlier versions."""
    stored = figures.get("track_record")
    return None if stored is None else {name: stored[name] for name in ForecastRecord.model_fields}


def _cursor(list_id: str, rank: int) -> str:
    return base64.urlsafe_b64encode(f"{list_id} {rank}".encode()).decode().rstrip("=")


def _parse_cursor(cursor: str | None) -> tuple[str | None, int]:
    """Return the list id and the last rank that a cursor holds. Raises ApiError 422."""
    if cursor is None:
        return None, 0
    try:
        list_id, _, rank = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        if 0 <= int(rank) <= MAX_ROWS:
            return list_id, int(rank)
    except (ValueError, binascii.Error):
        pass
    raise ApiError(422, "Invalid cursor.", "cursor")
