"""The rows of a run without withheld customers, as JSON lines or Parquet, in bounded memory."""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import polars as pl
import pyarrow.parquet as pq

from features.frames.columns import CUSTOMER
from features.storage.hashing import hash_column
from serving.http.state import ServiceState
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.run_rows import changed_rows, iter_run_rows
from serving.store.runs import Run
from serving.store.schema import ROW_COLUMNS, RUN_COLUMNS
from serving.store.withheld import withheld_among

READ_BYTES = 1 << 16
STALE = "stale"
FIELDS = (*SCORE_COLUMNS, STALE)


@dataclass(frozen=True)
class RunQuery:
    """Which rows and columns of a run to return.

    `fields` are those of FIELDS, customer_id first. With `earlier` only rows with other values in these fields than in that run,
    or which it does not have.
    """

    run: Run
    fields: tuple[str, ...]
    stale: bool
    earlier: Run | None = None
    after: str = ""


def iter_export(state: ServiceState, query: RunQuery) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the last id read, and the rows to return up to it: in FIELDS, reasons as lists, without withheld customers."""
    columns = [name for name in ROW_COLUMNS if name in {*query.fields, "no_score_reason"}]
    after = query.after
    for rows in iter_run_rows(state.engine, query.run.run_id, columns, after):
        changed = rows if query.earlier is None else changed_rows(state.engine, rows, query.earlier.run_id, after)
        after = str(rows[CUSTOMER][-1])
        yield after, _shaped(_allowed(state, changed), query)


def _allowed(state: ServiceState, rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of customers who have neither objected nor been erased until now."""
    scored = rows.filter(pl.col("no_score_reason").ne_missing("suppressed"))
    hashes = scored.select(hash_column(CUSTOMER, state.identity)).to_series()
    withheld = withheld_among(state.engine, hashes.to_list())
    return scored.filter(~hashes.is_in(withheld)) if withheld else scored


def _shaped(rows: pl.DataFrame, query: RunQuery) -> pl.DataFrame:
    shared: dict[str, Any] = {name: pl.lit(getattr(query.run, name), SCORE_COLUMNS[name]) for name in RUN_COLUMNS}
    decoded = {"reasons": pl.col("reasons").str.json_decode(SCORE_COLUMNS["reasons"])} if "reasons" in rows.columns else {}
    return rows.with_columns(**shared, **decoded, stale=pl.lit(query.stale)).select(query.fields)


def json_lines(rows: pl.DataFrame) -> bytes:
    """Return the rows as JSON, one object a line, as `POST /score` writes them: times with their zone."""
    times = [
        pl.format("{}Z", pl.col(name).dt.to_string("iso:strict")).alias(name) for name in rows.columns if name == "scored_at"
    ]
    return rows.with_columns(times).write_ndjson().encode()


def parquet_chunks(frames: Iterable[pl.DataFrame], empty: pl.DataFrame) -> Iterator[bytes]:
    """Yield a Parquet file with a row group per frame. It is written to a file without a name, so that memory stays bounded."""
    with tempfile.TemporaryFile() as file:
        schema = empty.to_arrow().schema
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for frame in frames:
                writer.write_table(frame.to_arrow().cast(schema))
        yield from _parts(file)


def _parts(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while part := file.read(READ_BYTES):
        yield part
