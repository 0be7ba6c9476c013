"""Open the score store at most once per command."""

from types import TracebackType
from typing import Self

import sqlalchemy as sa

from serving.store.engine import open_store, store_exists


class StoreHandle:
    """The score store of one command: opened and migrated on first use, only once, and closed with the command.

    Use it as a context manager. A command that never calls it touches no database.
    """

    def __init__(self, url: str) -> None:
        """Remember the store's URL; open nothing yet."""
        self.url = url
        self._engine: sa.Engine | None = None

    def __enter__(self) -> Self:
        """Return the handle itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Close all connections."""
        if self._engine is not None:
            self._engine.dispose()

    def open(self) -> sa.Engine:
        """Return the engine of the store, created if there is none yet. Raises StoreError."""
        if self._engine is None:
            self._engine = open_store(self.url)
        return self._engine

    def open_existing(self) -> sa.Engine | None:
        """Return the engine of the store, or None if there is no store yet. Raises StoreError."""
        return self.open() if self._engine is not None or store_exists(self.url) else None
