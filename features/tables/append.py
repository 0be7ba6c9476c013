"""One Parquet file from frames that come one after the other."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from features.tables.atomic import beside


@contextmanager
def appended(path: Path) -> Iterator[Callable[[pl.DataFrame], None]]:
    """Yield a function that adds the rows of a frame; the file takes its place at the end, and not after an error.

    All frames have the columns of the first. Without any frame there is no file, and an older one is gone.
    """
    with beside(path) as new:
        writers: list[pq.ParquetWriter] = []

        def add(frame: pl.DataFrame) -> None:
            table = frame.to_arrow()
            if not writers:
                writers.append(pq.ParquetWriter(new, table.schema, compression="zstd"))
            writers[0].write_table(table)

        yield add
        for writer in writers:
            writer.close()
            new.replace(path)
        if not writers:
            path.unlink(missing_ok=True)
