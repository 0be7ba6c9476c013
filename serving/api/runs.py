"""A whole run, or what changed since an earlier one: a page of JSON, or all rows as JSON lines or Parquet."""

import base64
import binascii
from collections.abc import Callable, Iterator
from datetime import date
from enum import StrEnum
from typing import Annotated, Any

import orjson
import polars as pl
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response, StreamingResponse

from features.frames.columns import CUSTOMER
from serving.api.responses import RunScores
from serving.api.scores import run_fields
from serving.http.auth import get_client, get_state, require
from serving.http.errors import ApiError, error_responses
from serving.http.etag import entity_tag, not_modified
from serving.http.fields import NO_CONTROL_CHARS
from serving.http.json_route import StrictRoute
from serving.http.list_downloads import PARQUET_TYPE
from serving.http.run_export import FIELDS, RunQuery, iter_export, json_lines, parquet_chunks
from serving.http.state import ServiceState
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.audit import record_read
from serving.store.keys import Scope
from serving.store.run_rows import CHUNK_ROWS, find_run, find_run_of_day
from serving.store.runs import Run, read_current_run
from settings.clock import utc_now

ROUTES = APIRouter(route_class=StrictRoute, tags=["scores"], dependencies=[require(Scope.SCORE)])
LATEST, NDJSON_TYPE = "latest", "application/x-ndjson"
MAX_RUN_ID, MAX_PAGE_ROWS, MAX_ROWS = 2**31 - 1, 10_000, 100_000_000
MAX_SCANNED_ROWS = 100_000  # per page, so that a page with few changes takes a bounded time
RUN_ID = r"^(latest|[0-9]{1,9})$"


class RunFormat(StrEnum):
    """The format of a run: a page of JSON, or all rows as JSON lines or as a Parquet file."""

    JSON = "json"
    NDJSON = "ndjson"
    PARQUET = "parquet"


RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A page of the run, or all its rows as a file",
        "content": {
            NDJSON_TYPE: {"schema": {"type": "string"}},
            PARQUET_TYPE: {"schema": {"type": "string", "format": "binary"}},
        },
    },
    304: {"description": "The client has this reply already: If-None-Match names its ETag"},
}


@ROUTES.get(
    "/runs/{run_id}/scores",
    response_model=RunScores,
    responses=RESPONSES | error_responses(404),
    summary="All scores of a run, or those that changed",
)
def run_scores(
    request: Request,
    run_id: Annotated[str, Path(pattern=RUN_ID, description="A kept run, or `latest`", examples=["latest"])],
    cursor: Annotated[str | None, Query(max_length=1_000, description="next_cursor of the previous page")] = None,
    fields: Annotated[
        str | None,
        Query(
            max_length=2_000, pattern=NO_CONTROL_CHARS, description="Fields to return, by commas; customer_id always comes first"
        ),
    ] = None,
    limit: Annotated[int | None, Query(ge=1, le=MAX_ROWS, description="Maximum number of rows of the page or file")] = None,
    format: RunFormat = RunFormat.JSON,  # noqa: A002  # the name of the parameter in the URL
    changed_since: Annotated[
        str | None,
        Query(
            max_length=20,
            pattern=r"^[0-9-]+$",
            description="A kept run, or a date: then the newest kept run as of that day or before it",
            examples=["2026-11-16"],
        ),
    ] = None,
) -> Response:
    """Return the scores of a run by customer id, without customers who objected or were erased since.

    With `changed_since`, only customers who are new since that run, or of whom any of the requested `fields` has another value:
    `fields=churn_band,action` returns those whose band or action changed. A page may have fewer rows than `limit`, or none;
    the last page has no `next_cursor`. The audit records each read with client, time and number of rows.
    """
    state = get_state(request)
    cursor_run, after = _parse_cursor(cursor)
    run = _find_run(state, run_id, cursor_run)
    names, earlier = _parse_fields(fields), _find_earlier(state, changed_since)
    shared = run_fields(state, run)
    tag = entity_tag(state, request, run.run_id, run.rows, shared["stale"], earlier and earlier.run_id)
    unchanged = not_modified(request, tag)
    if unchanged is not None:
        return unchanged
    query = RunQuery(run, names, bool(shared["stale"]), earlier, after)
    record = _recorder(state, get_client(request).name, run)
    if format is RunFormat.JSON:
        return _page(state, query, min(limit or state.settings.serving.max_page_rows, MAX_PAGE_ROWS), record, tag)
    frames = _counted(_limited((rows for _, rows in iter_export(state, query)), limit), record)
    is_parquet = format is RunFormat.PARQUET
    content = parquet_chunks(frames, _no_rows(names)) if is_parquet else (json_lines(rows) for rows in frames)
    headers = {"etag": tag, "content-disposition": f'attachment; filename="scores-run{run.run_id}.{format}"'}
    return StreamingResponse(content, headers=headers, media_type=PARQUET_TYPE if is_parquet else NDJSON_TYPE)


def _page(state: ServiceState, query: RunQuery, limit: int, record: Callable[[int], None], tag: str) -> Response:
    """Return the next rows as JSON: at most `limit`, found among at most MAX_SCANNED_ROWS."""
    frames: list[pl.DataFrame] = []
    rows = scanned = 0
    last: str | None = None
    for last_read, frame in iter_export(state, query):
        frames.append(frame)
        rows, scanned, last = rows + frame.height, scanned + 1, last_read
        if rows > limit or scanned * CHUNK_ROWS >= MAX_SCANNED_ROWS:
            break
    else:
        last = None
    page = pl.concat([_no_rows(query.fields), *frames])
    if page.height > limit:
        page = page.head(limit)
        last = str(page[CUSTOMER][-1])
    record(page.height)
    earlier = query.earlier
    head = {"run_id": query.run.run_id, "rows": query.run.rows, "changed_since": earlier and earlier.run_id}
    scores = orjson.Fragment(b"[" + json_lines(page).strip().replace(b"\n", b",") + b"]")
    fields = run_fields(state, query.run)
    reply = head | fields | {"scores": scores, "next_cursor": last and _cursor(query.run.run_id, last)}
    return Response(orjson.dumps(reply), headers={"etag": tag}, media_type="application/json")


def _find_run(state: ServiceState, run_id: str, cursor_run: int | None) -> Run:
    """Return the run of the path; of `latest` with a cursor, the run that the cursor belongs to. Raises ApiError."""
    if run_id == LATEST and cursor_run is None:
        return read_current_run(state.engine)
    number = cursor_run if run_id == LATEST and cursor_run is not None else int(run_id)
    if cursor_run not in {None, number}:
        raise ApiError(422, "The cursor belongs to another run.", "cursor")
    run = find_run(state.engine, number)
    if run is None:
        raise ApiError(404, f"Run {number} is not kept; `GET /runs/latest` names the current one.", "run_id")
    return run


def _find_earlier(state: ServiceState, changed_since: str | None) -> Run | None:
    """Return the run to compare with. Raises ApiError 404 if it is not kept, 422 for a text that is neither run nor date."""
    if changed_since is None:
        return None
    if changed_since.isdecimal() and int(changed_since) <= MAX_RUN_ID:
        run = find_run(state.engine, int(changed_since))
    else:
        try:
            run = find_run_of_day(state.engine, date.fromisoformat(changed_since))
        except ValueError:
            raise ApiError(422, "changed_since is the id of a run, or a date such as 2026-11-16.", "changed_since") from None
    if run is None:
        raise ApiError(404, "There is no such kept run to compare with; read all scores instead.", "changed_since")
    return run


def _parse_fields(text: str | None) -> tuple[str, ...]:
    if text is None:
        return FIELDS
    names = [name.strip() for name in text.split(",")]
    unknown = next((name for name in names if name not in FIELDS), None)
    if unknown is not None:
        raise ApiError(422, f"Unknown field; the fields are {', '.join(FIELDS)}.", "fields")
    return (CUSTOMER, *dict.fromkeys(name for name in names if name != CUSTOMER))


def _no_rows(names: tuple[str, ...]) -> pl.DataFrame:
    types = SCORE_COLUMNS | {"stale": pl.Boolean()}
    return pl.DataFrame(schema={name: types[name] for name in names})


def _limited(frames: Iterator[pl.DataFrame], limit: int | None) -> Iterator[pl.DataFrame]:
    left = MAX_ROWS if limit is None else limit
    for frame in frames:
        yield frame.head(left)
        left -= frame.height
        if left <= 0:
            return


def _counted(frames: Iterator[pl.DataFrame], record: Callable[[int], None]) -> Iterator[pl.DataFrame]:
    """Pass frames on and record at the end how many rows there were, also if the client leaves early."""
    rows = 0
    try:
        for frame in frames:
            rows += frame.height
            yield frame
    finally:
        record(rows)


def _recorder(state: ServiceState, client: str, run: Run) -> Callable[[int], None]:
    return lambda rows: record_read(state.engine, client, "scores read", utc_now(), f"run {run.run_id}", rows)


def _cursor(run_id: int, customer_id: str) -> str:
    return base64.urlsafe_b64encode(f"{run_id} {customer_id}".encode()).decode().rstrip("=")


def _parse_cursor(cursor: str | None) -> tuple[int | None, str]:
    """Return the run and the last customer id that a cursor holds. Raises ApiError 422."""
    if cursor is None:
        return None, ""
    try:
        run_id, _, customer_id = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode().partition(" ")
        if run_id.isdecimal() and int(run_id) <= MAX_RUN_ID and "\0" not in customer_id:
            return int(run_id), customer_id
    except (ValueError, binascii.Error):
        pass
    raise ApiError(422, "Invalid cursor.", "cursor")
