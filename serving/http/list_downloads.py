"""Downloads of issued lists, without customers who objected since, and with an audit entry for each read."""

from collections.abc import Callable, Iterable, Sequence

import polars as pl
from starlette.responses import Response, StreamingResponse

from features.storage.hashing import HashedIds
from serving.http.details import add_details
from serving.http.list_evidence import evidence_by_rank
from serving.http.metrics import store_time
from serving.http.state import ServiceState
from serving.lists.evidence import add_evidence
from serving.lists.files import Format, as_csv, as_parquet
from serving.lists.workbook import as_xlsx
from serving.schemas.lists import LIST_COLUMNS
from serving.store.audit import LIST_DOWNLOADED, LIST_READ, record_read
from serving.store.lists.issued import IssuedList
from serving.store.lists.rows import iter_list_rows
from serving.store.withheld import Withheld, withheld_hashes
from serving.targeting.evidence import EVIDENCE_COLUMNS
from settings.clock import utc_now

PARQUET_TYPE = "application/vnd.apache.parquet"
XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": XLSX_TYPE, "parquet": PARQUET_TYPE}
NO_ROWS = pl.DataFrame(schema=LIST_COLUMNS | EVIDENCE_COLUMNS)


def download_of(
    state: ServiceState,
    client: str,
    issued: IssuedList,
    filters: dict[str, str],
    file: Format,
    *,
    after: int = 0,
    limit: int | None = None,
    spreadsheet: bool = False,
    details: Sequence[str] = (),
) -> Response:
    """Return a list as a file: the rows that pass the filters, from the first rank above `after`, at most `limit`.

    `spreadsheet` makes a CSV file safe to open in one; otherwise it is the data. `details` are those of DETAIL_COLUMNS to add.
    """
    drop_withheld, no_rows = withheld_filter(state), NO_ROWS.with_columns(pl.lit("").alias(name) for name in details)
    with store_time("list"):
        evidence = evidence_by_rank(state, issued)
        stored = iter_list_rows(state.engine, issued.list_id, filters, after, limit)
        frames = (add_details(state, add_evidence(drop_withheld(frame), evidence), details) for frame in stored)
        currency = state.settings.value.currency
        content, rows = (
            _csv_chunks(frames, no_rows, spreadsheet=spreadsheet)
            if file is Format.CSV
            else _single_file(frames, no_rows, file, issued.head_sentence, currency)
        )
    record_list_read(state, client, issued, rows, LIST_DOWNLOADED)
    length = sum(len(chunk) for chunk in content)
    headers = {"content-disposition": f'attachment; filename="{issued.list_id}.{file}"', "content-length": str(length)}
    return StreamingResponse(iter(content), headers=headers, media_type=MEDIA_TYPES[file])


def _csv_chunks(frames: Iterable[pl.DataFrame], no_rows: pl.DataFrame, *, spreadsheet: bool) -> tuple[list[bytes], int]:
    """Return a CSV file in chunks and its number of rows; converting frame by frame keeps memory low for long lists."""
    chunks, rows = [as_csv(no_rows, spreadsheet=spreadsheet)], 0
    for frame in frames:
        chunks.append(as_csv(frame, spreadsheet=spreadsheet, headed=False))
        rows += frame.height
    return chunks, rows


def _single_file(
    frames: Iterable[pl.DataFrame], no_rows: pl.DataFrame, file: Format, head_sentence: str, currency: str
) -> tuple[list[bytes], int]:
    """Return an XLSX or Parquet file as one chunk, and its number of rows."""
    rows = pl.concat([no_rows, *frames])
    return [as_xlsx(rows, head_sentence, currency) if file is Format.XLSX else as_parquet(rows)], rows.height


def withheld_filter(state: ServiceState) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return a function that drops the rows of customers who objected or were erased since the list was issued."""
    withheld = HashedIds(state.identity, withheld_hashes(state.engine, *Withheld))
    return lambda rows: rows.filter(~withheld.holds()) if withheld.hashes else rows


def record_list_read(state: ServiceState, client: str, issued: IssuedList, rows: int, what: str = LIST_READ) -> None:
    """Record in the audit who read or downloaded a list, and how many rows."""
    record_read(state.engine, client, what, utc_now(), issued.list_id, rows)
