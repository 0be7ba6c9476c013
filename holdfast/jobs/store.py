"""Open the score store at most once per command."""

from types import TracebackType
from typing import Self

import sqlalchemy as sa

from serving.privacy.workspace_store import open_workspace_store
from serving.store.engine import store_exists
from settings.clock import utc_now
from settings.permissions import restrict_new_files
from settings.sections import Settings


class StoreHandle:
    """The score store of one command: opened and migrated on first use, only once, and closed with the command.

    Use it as a context manager. A command that never calls it touches no database.
    """

    def __init__(self, settings: Settings) -> None:
        """Remember the settings; open nothing yet."""
        self.settings = settings
        self._engine: sa.Engine | None = None

    def __enter__(self) -> Self:
        """Return the handle itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Close all connections."""
        if self._engine is not None:
            self._engine.dispose()

    def open(self) -> sa.Engine:
        """Return the engine of the store, created if there is none yet.

        Raises StoreError, SecretMismatchError or StoreLostError.
        """
        if self._engine is None:
            restrict_new_files(self.settings.workspace)
            self._engine = open_workspace_store(self.settings)
        return self._engine

    def open_existing(self) -> sa.Engine | None:
        """Return the engine of the store, or None if there is no store yet. Raises as `open`."""
        return self.open() if self._engine is not None or self._may_exist() else None

    def complete_erasures(self) -> list[str]:
        """Remove what commands and interrupted erasures left of erased customers; return what could not be reached.

        The command must hold the lock of the workspace. Nothing happens if the command has not opened the store.
        """
        if self._engine is None:
            return []
        from serving.privacy.erasure import complete_erasures  # it reads tables, which most commands on the store never do

        return complete_erasures(self.settings, self._engine, utc_now())

    def _may_exist(self) -> bool:
        """Return whether there is a store, or was one: its loss must not go unnoticed."""
        return store_exists(self.settings.store_url) or self.settings.withheld_log_path.exists()
