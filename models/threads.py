"""Independent work on several threads: NumPy, LightGBM and Polars release the interpreter lock while they compute."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from settings.processors import available_processors

Item = TypeVar("Item")
Result = TypeVar("Result")


def iter_in_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yield the results in the order of the items, computed on one thread per available processor.

    A single item, or a single processor, uses no extra thread. The first exception, in the order of the items, is raised.
    """
    threads = min(available_processors(), len(items))
    if threads < 2:  # noqa: PLR2004  # the calling thread alone
        yield from map(function, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(function, items)


def map_in_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return the results of `iter_in_threads` as a list."""
    return list(iter_in_threads(function, items))
