"""Order lines written to disk by part of the customers, so that each part can be read on its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from features.partition import part_number
from features.storage.files import scratch_folder

PART = "_part"


@contextmanager
def partition_to_disk(lines: pl.LazyFrame, parts: int, path: Path) -> Iterator[list[pl.LazyFrame]]:
    """Write the lines once, streaming, to a folder beside `path`; yield them part by part; remove the folder at the end."""
    schema = lines.collect_schema()
    with scratch_folder(path) as folder:
        numbered = lines.with_columns(part_number(parts).alias(PART))
        numbered.sink_parquet(pl.PartitionBy(folder, key=PART, include_key=False), compression="lz4", maintain_order=False)
        yield [_scan(folder / f"{PART}={number}", schema) for number in range(parts)]


def _scan(folder: Path, schema: pl.Schema) -> pl.LazyFrame:
    """Return the rows of one part; a part may have no customers, and so no files."""
    files = sorted(folder.glob("*.parquet"))
    return pl.scan_parquet(files, glob=False) if files else pl.LazyFrame(schema=schema)
