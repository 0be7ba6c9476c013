"""Kill a step at a numbered point: when it has written a file, or is about to send a statement to the store."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa


class KilledError(BaseException):
    """The process died here; nothing after this point happened."""


class Killer:
    """Counts the points that a step passes, and ends it at one of them."""

    def __init__(self) -> None:
        """Pass all points."""
        self.left: int | None = None

    def pass_point(self, *_: Any, **__: Any) -> None:  # noqa: ANN401  # of any event
        """Count a point, and raise KilledError at the chosen one."""
        if self.left is None:
            return
        self.left -= 1
        if self.left <= 0:
            self.left = None
            raise KilledError

    @contextmanager
    def killing_at(self, point: int | None) -> Iterator[None]:
        """End what is within at this point; None lets it finish."""
        self.left = point
        try:
            yield
        finally:
            self.left = None

    def watch(self, engine: sa.Engine) -> None:
        """Count every statement and every commit of an engine as points."""
        sa.event.listen(engine, "before_cursor_execute", self.pass_point)
        sa.event.listen(engine, "commit", self.pass_point)

    @contextmanager
    def watching_files(self) -> Iterator[None]:
        """Count every flush of a file and every replacement as points."""
        flush, replace = os.fsync, os.rename
        os.fsync = _before(self.pass_point, flush)
        os.rename = _before(self.pass_point, replace)
        try:
            yield
        finally:
            os.fsync, os.rename = flush, replace


def _before(first: Callable[..., None], function: Callable[..., Any]) -> Callable[..., Any]:
    def both(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401  # those of the function
        first()
        return function(*arguments, **options)

    return both
