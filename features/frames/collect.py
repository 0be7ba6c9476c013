"""How lazy frames are collected: streaming, for tables of any size; or in memory, for a few customers whose answer is awaited."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import polars as pl

_FEW = ContextVar("few", default=False)


@contextmanager
def few_customers() -> Iterator[None]:
    """Collect in memory within this context: the streaming engine's start costs more than the work on some hundred rows."""
    token = _FEW.set(True)
    try:
        yield
    finally:
        _FEW.reset(token)


def collect(frame: pl.LazyFrame) -> pl.DataFrame:
    """Collect one frame."""
    return frame.collect(engine="in-memory" if _FEW.get() else "streaming")


def collect_all(frames: list[pl.LazyFrame]) -> Iterator[pl.DataFrame]:
    """Collect frames one after the other, so that the working memory of no two is needed at once; of few customers together."""
    if _FEW.get():
        yield from pl.collect_all(frames, engine="in-memory")
    else:
        yield from (collect(frame) for frame in frames)
