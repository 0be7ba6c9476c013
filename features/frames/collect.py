"""Engines that collect lazy frames: streaming for tables of any size, in memory for a few customers whose answer is awaited.

The streaming engine keeps memory bounded, but its start costs more than the work on some hundred rows.
"""

from collections.abc import Iterator
from typing import Literal

import polars as pl

Engine = Literal["streaming", "in-memory"]


def collect_all(frames: list[pl.LazyFrame], engine: Engine) -> Iterator[pl.DataFrame]:
    """Yield the frames collected: in memory all together, streaming one by one, so that only one uses working memory."""
    if engine == "in-memory":
        yield from pl.collect_all(frames, engine=engine)
    else:
        yield from (frame.collect(engine=engine) for frame in frames)
