"""Show the progress of long work: a bar on a terminal, a plain line per stage elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

ProgressReport = Callable[[str, int, int], None]


@contextmanager
def show_progress(console: Console) -> Iterator[ProgressReport]:
    """Yield a function `report(stage, done, total)`; stages appear in the order of their first report."""
    if console.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as bars:
            yield _report_to_bars(bars)
    else:
        yield _report_to_lines(console)


def _report_to_bars(bars: Progress) -> ProgressReport:
    tasks = {}

    def report(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage, total=total)
        bars.update(tasks[stage], completed=done, total=total)

    return report


def _report_to_lines(console: Console) -> ProgressReport:
    def report(stage: str, done: int, total: int) -> None:
        if done == 0:
            console.print(f"{stage} ({total}) ...", highlight=False)

    return report
