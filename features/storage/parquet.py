"""One Parquet file from frames that arrive one after the other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from features.storage.durable import replace_durably
from features.storage.files import temporary_path


@contextmanager
def parquet_writer(path: Path) -> Iterator[Callable[[pl.DataFrame], None]]:
    """Yield a function that appends the rows of a frame; the file replaces `path` at the end, and not after an error.

    All frames have the columns of the first. Without any frame there is no file, and an older one is removed. Each frame is
    held until the next one arrives: a single frame is written by Polars, on all processors; several are appended by Arrow.
    """
    with temporary_path(path) as temporary:
        pending: list[pl.DataFrame] = []
        writers: list[pq.ParquetWriter] = []

        def add(frame: pl.DataFrame) -> None:
            if pending:
                _append(pending.pop(), temporary, writers)
            pending.append(frame)

        yield add
        if writers:
            _append(pending.pop(), temporary, writers)
            writers[0].close()
        elif pending:
            pending[0].write_parquet(temporary)
        else:
            path.unlink(missing_ok=True)
            return
        replace_durably(temporary, path)


def _append(frame: pl.DataFrame, path: Path, writers: list[pq.ParquetWriter]) -> None:
    table = frame.to_arrow()
    if not writers:
        writers.append(pq.ParquetWriter(path, table.schema, compression="zstd"))
    writers[0].write_table(table)
