"""Progress of long work: a stage, the steps done, and all steps."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from models.threads import iter_in_threads

Progress = Callable[[str, int, int], None]
Item = TypeVar("Item")
Result = TypeVar("Result")


def map_with_progress(function: Callable[[Item], Result], items: Sequence[Item], progress: Progress, stage: str) -> list[Result]:
    """Return the results in the order of the items, computed in threads; report each as a step of `stage`."""
    results: list[Result] = []
    progress(stage, 0, len(items))
    for result in iter_in_threads(function, items):
        results.append(result)
        progress(stage, len(results), len(items))
    return results
