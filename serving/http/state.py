"""The state of a worker: settings, the store, the key that hashes ids, the champion, and the context of recent runs."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from threading import Lock
from typing import Any, Self, TypeVar

import sqlalchemy as sa
from anyio import to_thread

from features.frames.arrays import Array
from features.norms import Norms
from features.storage.hashing import hash_text
from models.champion import Champion, current_champion, read_pointer
from serving.privacy.workspace_key import identity_key
from serving.privacy.workspace_store import open_workspace_store
from serving.store.read import find_rows, read_run_context, with_retry
from serving.store.runs import Run
from serving.store.withheld import find_rows_and_withheld, find_withheld
from settings.clock import shop_today
from settings.sections import Settings

MAX_CACHED_RUNS = 2
MAX_INLINE_CUSTOMERS = 20
Result = TypeVar("Result")


@dataclass
class ServiceState:
    """The state that requests share. The champion and the run contexts are read on first use and when they change."""

    settings: Settings
    engine: sa.Engine
    identity: str
    _lock: Lock = field(default_factory=Lock)
    _champion: tuple[str, Champion] | None = None
    _run_id: int | None = None
    _contexts: OrderedDict[int, tuple[Norms | None, Array]] = field(default_factory=OrderedDict)

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the store and the workspace's secret. Raises StoreError, SecretMismatchError or StoreLostError."""
        engine = open_workspace_store(settings, settings.serving.threads)
        return cls(settings, engine, identity_key(settings.secret_path, engine))

    @property
    def is_local(self) -> bool:
        """Whether the store is a file on this machine, which answers faster than a switch to a thread takes."""
        return self.engine.dialect.name == "sqlite"

    async def run(self, task: Callable[..., Result], *arguments: Any, size: int = 1) -> Result:  # noqa: ANN401  # the task's own
        """Run a short task where it is fastest: inline on a local store, else on a thread.

        `size` is the number of customers that the task reads; above MAX_INLINE_CUSTOMERS it always takes a thread.
        """
        if self.is_local and size <= MAX_INLINE_CUSTOMERS:
            return task(*arguments)
        return await to_thread.run_sync(task, *arguments)

    def hash_id(self, customer_id: str) -> str:
        """Return the keyed hash of an id."""
        return hash_text(customer_id, self.identity)

    def find_customers(self, customer_ids: Sequence[str]) -> tuple[dict[str, str], Run, list[tuple[Any, ...]]]:
        """Return the withheld customers with reasons, the current run, and the other customers' rows of ROW_COLUMNS in it.

        Raises NoRunError before the first run.
        """
        id_by_hash = {self.hash_id(customer_id): customer_id for customer_id in customer_ids}
        reasons, run, rows = with_retry(self.engine, lambda connection: self._query(connection, id_by_hash))
        withheld = {id_by_hash[customer_hash]: reason for customer_hash, reason in reasons.items()}
        return withheld, run, [row for row in rows if row[0] not in withheld]

    def _query(
        self, connection: sa.Connection, id_by_hash: Mapping[str, str]
    ) -> tuple[Mapping[str, str], Run, list[tuple[Any, ...]]]:
        """Query the store; on a remote one with a single statement if the run of the last query is still the current one."""
        last_run_id, self._run_id = self._run_id, None
        if last_run_id is not None and not self.is_local:
            run, reasons, rows = find_rows_and_withheld(connection, last_run_id, list(id_by_hash.values()), list(id_by_hash))
            if run.run_id == last_run_id:
                self._run_id = last_run_id
                return reasons, run, rows
        reasons = find_withheld(connection, list(id_by_hash))
        run, rows = find_rows(connection, list(id_by_hash.values()))
        self._run_id = run.run_id
        return reasons, run, rows

    def champion(self) -> Champion:
        """Return the current champion. Raises NoChampionError if there is none, DamagedChampionError if it cannot be read.

        One that was read before is used as long as CURRENT names it, whatever happens to its files.
        """
        folder = self.settings.workspace.path / "champion"
        version = read_pointer(folder)
        with self._lock:
            if self._champion is None or self._champion[0] != version:
                self._champion = (version, current_champion(folder))
            return self._champion[1]

    def run_context(self, run_id: int) -> tuple[Norms | None, Array]:
        """Return the norms of a run, and the sorted p_churn of its existing customers."""
        with self._lock:
            if run_id not in self._contexts:
                self._contexts[run_id] = read_run_context(self.engine, run_id)
                while len(self._contexts) > MAX_CACHED_RUNS:
                    self._contexts.popitem(last=False)
            return self._contexts[run_id]

    @property
    def today(self) -> date:
        """The current day in the time zone of the shop."""
        return shop_today(self.settings.workspace.time_zone)

    def is_stale(self, run: Run, today: date) -> bool:
        """Whether the as-of date of a run is more than `stale_after_days` before `today`."""
        return (today - run.as_of).days > self.settings.serving.stale_after_days
