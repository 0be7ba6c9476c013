"""Order lines laid out by part of the customers, so that each part can be read by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from features.partition import part_of
from features.storage.files import scratch

PART = "_part"


@contextmanager
def partition_to_disk(lines: pl.LazyFrame, parts: int, near: Path) -> Iterator[list[pl.LazyFrame]]:
    """Write the lines once, streaming, into a folder beside `near`; yield them part by part; the folder is gone after."""
    schema = lines.collect_schema()
    with scratch(near) as folder:
        numbered = lines.with_columns(part_of(parts).alias(PART))
        numbered.sink_parquet(pl.PartitionBy(folder, key=PART, include_key=False), compression="lz4", maintain_order=False)
        yield [_scanned(folder / f"{PART}={number}", schema) for number in range(parts)]


def _scanned(folder: Path, schema: pl.Schema) -> pl.LazyFrame:
    """A part may be nobody's."""
    files = sorted(folder.glob("*.parquet"))
    return pl.scan_parquet(files, glob=False) if files else pl.LazyFrame(schema=schema)
