"""One Parquet file from frames that come one after the other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from features.storage.files import temporary_path


@contextmanager
def parquet_writer(path: Path) -> Iterator[Callable[[pl.DataFrame], None]]:
    """Yield a function that adds the rows of a frame; the file takes its place at the end, and not after an error.

    All frames have the columns of the first. Without any frame there is no file, and an older one is gone. A frame is
    held until the next one comes: an only one is written by Polars, on all processors, and more by Arrow, which appends.
    """
    with temporary_path(path) as new:
        held: list[pl.DataFrame] = []
        writers: list[pq.ParquetWriter] = []

        def add(frame: pl.DataFrame) -> None:
            if held:
                _append(held.pop(), new, writers)
            held.append(frame)

        yield add
        if writers:
            _append(held.pop(), new, writers)
            writers[0].close()
        elif held:
            held[0].write_parquet(new)
        else:
            path.unlink(missing_ok=True)
            return
        new.replace(path)


def _append(frame: pl.DataFrame, path: Path, writers: list[pq.ParquetWriter]) -> None:
    table = frame.to_arrow()
    if not writers:
        writers.append(pq.ParquetWriter(path, table.schema, compression="zstd"))
    writers[0].write_table(table)
