"""Progress of long work: a bar on a terminal, a plain line per stage elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

Report = Callable[[str, int, int], None]


@contextmanager
def shown_progress(console: Console) -> Iterator[Report]:
    """Yield `report(stage, done, total)`; stages appear in the order in which they are first reported."""
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as bars:
            yield _bars(bars)
    else:
        yield _lines(console)


def _bars(bars: Progress) -> Report:
    tasks = {}

    def report(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage, total=total)
        bars.update(tasks[stage], completed=done, total=total)

    return report


def _lines(console: Console) -> Report:
    def report(stage: str, done: int, total: int) -> None:
        if done == 0:
            console.print(f"{stage} ({total}) ...", highlight=False)

    return report
