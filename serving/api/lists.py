"""Lists: those there are, pages of one, and downloads that spreadsheets open."""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from features.tables.keyed_hash import Erased
from serving.api.access import client_in, require, state_in
from serving.api.answers import ListIndex, ListPage
from serving.api.errors import ApiError, described
from serving.api.fields import NO_CONTROL_OR_EMPTY, Word
from serving.api.metrics import store_time
from serving.api.scores import json_reply
from serving.api.state import State, utc_now
from serving.api.strict import StrictRoute
from serving.list_columns import LIST_COLUMNS
from serving.list_files import Format, as_csv, as_parquet, as_xlsx
from serving.list_kind import ListKind
from serving.lists import issue, make_list
from serving.store.audit import record
from serving.store.engine import reading
from serving.store.issued import IssuedList, counting_list, issued_lists, list_parts, list_rows
from serving.store.keys import Scope
from serving.store.runs import current_run
from serving.store.withheld import Withheld, all_withheld
from serving.weeks import sunday_of, week_of

ROUTES = APIRouter(route_class=StrictRoute, tags=["lists"], dependencies=[require(Scope.LIST)])
PARQUET = "application/vnd.apache.parquet"
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA = {"csv": "text/csv; charset=utf-8", "xlsx": SPREADSHEET, "parquet": PARQUET}
USUAL_PAGE, MOST_ROWS = 100, 10_000_000
NO_ROWS = pl.DataFrame(schema=LIST_COLUMNS)
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
    limit: Annotated[int | None, Query(ge=1, le=MOST_ROWS, description="Rows of a page, or of the file")] = None,
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
        return file_of(state, client_in(request).name, found, filters, after, limit, format)
    most = min(limit or USUAL_PAGE, state.settings.serving.max_page_rows)
    with store_time("list"):
        rows = list_rows(state.engine, found.list_id, filters, after, most + 1)
    shown = still_allowed(state)(rows.head(most))
    audit_read(state, client_in(request).name, found, shown.height)
    cursor_on = _cursor(found.list_id, int(rows["rank"][most - 1])) if rows.height > most else None
    return json_reply({"list": _head(found), "rows": shown.to_dicts(), "next_cursor": cursor_on})


def file_of(
    state: State, client: str, found: IssuedList, filters: dict[str, str], after: int, limit: int | None, kind: Format
) -> Response:
    """Return a file with all rows that pass the filters."""
    allowed = still_allowed(state)
    with store_time("list"):
        parts = (allowed(part) for part in list_parts(state.engine, found.list_id, filters, after, limit))
        content, rows = _csv(parts) if kind is Format.CSV else _whole(parts, kind, found.churn_sentence)
    audit_read(state, client, found, rows)
    length = sum(len(part) for part in content)
    headers = {"content-disposition": f'attachment; filename="{found.list_id}.{kind}"', "content-length": str(length)}
    return StreamingResponse(iter(content), headers=headers, media_type=MEDIA[kind])


def _csv(parts: Iterable[pl.DataFrame]) -> tuple[list[bytes], int]:
    """Return the file in pieces, and its rows; each part becomes text by itself, so that a long list needs little memory."""
    text, rows = [as_csv(NO_ROWS)], 0
    for part in parts:
        text.append(as_csv(part, headed=False))
        rows += part.height
    return text, rows


def _whole(parts: Iterable[pl.DataFrame], kind: Format, sentence: str) -> tuple[list[bytes], int]:
    whole = pl.concat([NO_ROWS, *parts])
    return [as_xlsx(whole, sentence) if kind is Format.XLSX else as_parquet(whole)], whole.height


def _find(state: State, kind: ListKind, week: str | None, list_id: str | None, client: str) -> IssuedList:
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


def still_allowed(state: State) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return what leaves out at once who objected since the list was issued."""
    withheld = Erased(state.identity, all_withheld(state.engine, *Withheld))
    return lambda rows: rows.filter(~withheld.holds()) if withheld.hashes else rows


def audit_read(state: State, client: str, found: IssuedList, rows: int) -> None:
    """Keep who read a list, and how many rows."""
    with state.engine.begin() as connection:
        record(connection, client, "list read", utc_now(), found.list_id, rows)


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
        if 0 <= int(rank) <= MOST_ROWS:
            return list_id, int(rank)
    except (ValueError, binascii.Error):
        pass
    raise ApiError(422, "The cursor is none that a page of a list gave.", "cursor")
