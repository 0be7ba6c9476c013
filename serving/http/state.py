"""What a worker holds: settings, the store, the key that hashes ids, the champion and what live scores are compared with."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from threading import Lock
from typing import Any, Self, TypeVar

import sqlalchemy as sa
from anyio import to_thread

from features.norms import Norms
from features.storage.hashing import hash_of
from models.champion import CURRENT, Champion, current_champion
from models.errors import NoChampionError
from models.log_odds import Array
from serving.privacy.workspace_key import identity_key
from serving.store.engine import open_store
from serving.store.read import find_rows, run_context, with_retry
from serving.store.runs import Run
from serving.store.withheld import find_at_once, withheld_among
from settings.sections import Settings

RUNS_HELD = 2
FEW = 20
Result = TypeVar("Result")


def utc_now() -> datetime:
    """Return the present moment in UTC, without a zone, as the store holds it."""
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass
class ServiceState:
    """Everything that requests share. Champion and run contexts are read when they are first needed, and when they change."""

    settings: Settings
    engine: sa.Engine
    identity: str
    _lock: Lock = field(default_factory=Lock)
    _champion: tuple[str, Champion] | None = None
    _run_id: int | None = None
    _contexts: OrderedDict[int, tuple[Norms | None, Array]] = field(default_factory=OrderedDict)

    @classmethod
    def opened(cls, settings: Settings) -> Self:
        """Open the store and the secret. Raises StoreUnusable or SecretDiffers."""
        engine = open_store(settings.store_url, settings.serving.threads)
        return cls(settings, engine, identity_key(settings.secret_path, engine))

    @property
    def is_near(self) -> bool:
        """Whether the store is a file of this machine, which answers faster than a thread takes its turn."""
        return self.engine.dialect.name == "sqlite"

    async def run(self, work: Callable[..., Result], *arguments: Any, size: int = 1) -> Result:  # noqa: ANN401  # the work's own
        """Do short work where it is quickest: on a file at once, which takes less than a thread's turn; else on a thread.

        `size` is how many customers it is about.
        """
        if self.is_near and size <= FEW:
            return work(*arguments)
        return await to_thread.run_sync(work, *arguments)

    def hash_of(self, customer_id: str) -> str:
        """Return the keyed hash of an id."""
        return hash_of(customer_id, self.identity)

    def find(self, customer_ids: Sequence[str]) -> tuple[dict[str, str], Run, list[tuple[Any, ...]]]:
        """Return why some customers are withheld, the current run, and the rows of ROW_COLUMNS of the others in it.

        Raises NoRun before the first run.
        """
        of_hash = {self.hash_of(each): each for each in customer_ids}
        reasons, run, rows = with_retry(self.engine, lambda connection: self._found(connection, of_hash))
        withheld = {of_hash[found]: why for found, why in reasons.items()}
        return withheld, run, [row for row in rows if row[0] not in withheld]

    def _found(
        self, connection: sa.Connection, of_hash: Mapping[str, str]
    ) -> tuple[Mapping[str, str], Run, list[tuple[Any, ...]]]:
        """Ask a store that is not near but once, in the hope that the run that was current is so still."""
        hoped, self._run_id = self._run_id, None
        if hoped is not None and not self.is_near:
            run, reasons, rows = find_at_once(connection, hoped, list(of_hash.values()), list(of_hash))
            if run.run_id == hoped:
                self._run_id = hoped
                return reasons, run, rows
        reasons = withheld_among(connection, list(of_hash))
        run, rows = find_rows(connection, list(of_hash.values()))
        self._run_id = run.run_id
        return reasons, run, rows

    def champion(self) -> Champion:
        """Return the champion that is current now. Raises NoChampion before the first."""
        folder = self.settings.workspace.path / "champion"
        try:
            named = (folder / CURRENT).read_text(encoding="utf-8").strip()
        except OSError:
            raise NoChampionError("There is no champion on this machine; run `train` first.") from None
        with self._lock:
            if self._champion is None or self._champion[0] != named:
                self._champion = (named, current_champion(folder))
            return self._champion[1]

    def context(self, run_id: int) -> tuple[Norms | None, Array]:
        """Return the norms of a run, and its p_churn in order."""
        with self._lock:
            if run_id not in self._contexts:
                self._contexts[run_id] = run_context(self.engine, run_id)
                while len(self._contexts) > RUNS_HELD:
                    self._contexts.popitem(last=False)
            return self._contexts[run_id]

    def is_stale(self, run: Run, today: date) -> bool:
        """Whether a run is older than the configuration calls fresh."""
        return (today - run.as_of).days > self.settings.serving.stale_after_days
