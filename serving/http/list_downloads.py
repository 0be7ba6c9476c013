"""An issued list as a download, without customers who objected since, and with a record of who read it."""

from collections.abc import Callable, Iterable

import polars as pl
from starlette.responses import Response, StreamingResponse

from features.storage.hashing import HashedIds
from serving.http.metrics import store_time
from serving.http.state import ServiceState, utc_now
from serving.lists.files import Format, as_csv, as_parquet, as_xlsx
from serving.schemas.lists import LIST_COLUMNS
from serving.store.audit import record
from serving.store.issued import IssuedList, list_parts
from serving.store.withheld import Withheld, all_withheld

PARQUET = "application/vnd.apache.parquet"
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MEDIA = {"csv": "text/csv; charset=utf-8", "xlsx": SPREADSHEET, "parquet": PARQUET}
NO_ROWS = pl.DataFrame(schema=LIST_COLUMNS)


def download_of(
    state: ServiceState, client: str, found: IssuedList, filters: dict[str, str], after: int, limit: int | None, kind: Format
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


def still_allowed(state: ServiceState) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Return what leaves out at once who objected since the list was issued."""
    withheld = HashedIds(state.identity, all_withheld(state.engine, *Withheld))
    return lambda rows: rows.filter(~withheld.holds()) if withheld.hashes else rows


def audit_read(state: ServiceState, client: str, found: IssuedList, rows: int) -> None:
    """Keep who read a list, and how many rows."""
    with state.engine.begin() as connection:
        record(connection, client, "list read", utc_now(), found.list_id, rows)
