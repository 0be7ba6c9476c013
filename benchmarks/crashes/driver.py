"""The driver: one workspace, one random step after the other, each of which may be killed, and checks after each."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import sqlalchemy as sa

from benchmarks.crashes import invariants
from benchmarks.crashes.kills import KilledError, Killer
from benchmarks.crashes.shop import HOLD_DAYS, TARGETING, Shop
from expectations.history.repair import repair_history
from features.storage.workspace_lock import try_workspace_lock
from holdfast.jobs.backup import restore_backup, write_backup
from serving.http.state import ServiceState
from serving.lists.files import write_list
from serving.lists.issuing import issue
from serving.lists.weekly import build_list, plan_week
from serving.privacy.erasure import complete_erasures, erase
from serving.privacy.objections import suppress, withheld_ids
from serving.privacy.workspace_key import identity_key, workspace_secret
from serving.privacy.workspace_store import StoreLostError, open_workspace_store, record_use
from serving.schemas.iso_weeks import week_of
from serving.schemas.list_kind import ListKind
from serving.store.publish import publish
from serving.store.runs import NoRunError, find_current_run
from serving.store.withdrawal import WithdrawalError, list_runs, withdraw_run
from serving.store.withheld import Withheld
from serving.targeting.plan import ListBounds
from serving.targeting.units import unit_key
from settings.sections import Settings, TableSources, Workspace

KILL_SHARE, MAX_POINT = 0.4, 30
RUN_CHECK_STEPS = 5  # the rows of all runs are counted at every fifth step
WEIGHTS = {
    "publish": 12,
    "issue": 22,
    "look": 4,
    "erase": 8,
    "erase_during_command": 4,
    "object": 5,
    "withdraw": 4,
    "back_up": 3,
    "lose_store": 2,
    "write_table": 8,
    "damage": 4,
    "jump_clock": 4,
    "serve": 20,
}


class BrokenInvariantError(Exception):
    """Something that must always hold does not; the text says what, and after which step."""


class Driver:
    """A workspace under random treatment. The same seed gives the same steps."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Create an empty workspace in a folder."""
        self.rng = np.random.default_rng(seed)
        self.folder, self.shop, self.killer, self.counts = folder, Shop(self.rng), Killer(), Counter[str]()
        self.settings = Settings(
            tables=TableSources(transactions="orders.csv"), workspace=Workspace(path=folder / "workspace"), targeting=TARGETING
        )
        (self.settings.workspace.path / "tables").mkdir(parents=True)
        self.day, self.now = date(2026, 1, 5), datetime(2026, 1, 5, 6)  # noqa: DTZ001  # UTC, without a zone
        self.erased: set[str] = set()
        self.objecting: set[str] = set()
        self.engine = self._open()
        self.service = ServiceState.open(self.settings)
        self.list_rows = invariants.read_list_rows(self.engine)

    def run(self, steps: int) -> Counter[str]:
        """Take random steps, and return how often each kind was taken and killed. Raises BrokenInvariantError."""
        names, weights = list(WEIGHTS), np.array(list(WEIGHTS.values()), dtype=float)
        with self.killer.watching_files():
            for number in range(steps):
                name = str(self.rng.choice(names, p=weights / weights.sum()))
                self._take(name, number)
        return self.counts

    def take_all(self, names: Iterable[str]) -> None:
        """Take these steps in order. Raises BrokenInvariantError."""
        for number, name in enumerate(names):
            self._take(name, number)

    def close(self) -> None:
        """Close the store."""
        self.engine.dispose()
        self.service.engine.dispose()

    def _take(self, name: str, number: int) -> None:
        step: Callable[[], None] = getattr(self, f"_{name}")
        point = int(self.rng.integers(1, MAX_POINT)) if self.rng.random() < KILL_SHARE else None
        self.counts[name] += 1
        try:
            with self.killer.killing_at(point):
                step()
        except KilledError:
            self.counts["killed"] += 1
            self._restart(name)
        self._check(f"step {number}, {name}{'' if point is None else f' killed at {point}'}")

    def _restart(self, name: str) -> None:
        """Start the next command after a step of this name was killed: it repairs and completes what it finds."""
        self.engine.dispose()
        try:
            self.engine = self._open()
        except StoreLostError:  # killed between the loss and the restoration
            self._restore()
        if name == "lose_store":  # the store may be that of the backup
            self.list_rows = invariants.read_list_rows(self.engine)
        with ExitStack() as stack:
            stack.enter_context(try_workspace_lock(self.settings.workspace.path, "next"))
            repair_history(self.settings.workspace.path)
            complete_erasures(self.settings, self.engine, self.now)

    def _open(self) -> sa.Engine:
        engine = open_workspace_store(self.settings)
        self.killer.watch(engine)
        return engine

    def _publish(self) -> None:
        self.shop.add_newcomers(int(self.rng.integers(0, 4)))
        weeks = int(self.rng.choice([0, 1, 1, 1, 2, 4]))
        self.day += timedelta(weeks=weeks)
        key = unit_key(workspace_secret(self.settings.secret_path, self.engine))
        erased = withheld_ids(self.settings, self.engine, Withheld.ERASED)
        scores, targets, units = self.shop.score_week(self.day, erased, key)
        identity = identity_key(self.settings.secret_path, self.engine)
        publish(self.engine, scores, HOLD_DAYS, targets=targets, units=units, identity=identity)
        record_use(self.settings, self.engine)

    def _plan(self, kind: ListKind, budget: float | None) -> None:
        run = find_current_run(self.engine)
        if run is None:
            return
        bounds = None if budget is None else {kind: ListBounds(budget)}
        plan = plan_week(self.settings, self.engine, week_of(run.as_of), bounds)
        left_out = plan.plan.frame["left_out"]
        if left_out.is_null().sum() + left_out.drop_nulls().len() != plan.plan.frame.height:
            raise BrokenInvariantError("The plan does not add up.")
        self.weekly = build_list(self.engine, plan, kind, budget=budget)

    def _look(self) -> None:
        self._plan(self._kind(), 10.0)

    def _issue(self) -> None:
        withheld = self.erased | self.objecting
        budget = float(self.rng.integers(2, 20)) if self.rng.random() < 0.3 else None
        self.weekly = None
        self._plan(self._kind(), budget)
        if self.weekly is None:
            return
        issued, rows, *_ = issue(self.settings, self.engine, self.weekly, "driver", self.now)
        if withheld & set(rows["customer_id"]):
            raise BrokenInvariantError(f"{issued.list_id} lists a withheld customer.")
        write_list(rows, self.weekly.churn_sentence, self.settings.workspace.path / "lists" / f"{issued.list_id}.csv")

    def _erase(self) -> None:
        erase(self.settings, self.engine, self._someone(), self.now, "driver")

    def _erase_during_command(self) -> None:
        """Erase through the service while a command runs, which writes rows of the customer before its end."""
        customer_id = self._someone()
        with try_workspace_lock(self.settings.workspace.path, "score"):
            erase(self.settings, self.service.engine, customer_id, self.now, "driver")
            self._write_rows("late.parquet", [customer_id, "cust-99999-z"])
            complete_erasures(self.settings, self.engine, self.now)

    def _object(self) -> None:
        suppress(self.settings, self.service.engine, self._someone(), self.now, "driver")

    def _withdraw(self) -> None:
        entries = list_runs(self.engine)
        if len(entries) > 1:
            try:
                withdraw_run(self.engine, int(self.rng.choice([entry.run.run_id for entry in entries])), self.now, "driver")
            except WithdrawalError:
                self.counts["withdrawn twice"] += 1

    def _back_up(self) -> None:
        write_backup(self.settings, self.engine, self.folder / "backup.tar", with_secret=True)

    def _lose_store(self) -> None:
        """Lose the store; it must not be replaced by an empty one without a word, and the backup brings it back."""
        if not (self.folder / "backup.tar").exists():
            return
        self.engine.dispose()
        self.service.engine.dispose()
        for path in self.settings.workspace.path.glob("scores.db*"):
            path.unlink()
        try:
            open_workspace_store(self.settings).dispose()
        except StoreLostError:
            self._restore()
            return
        raise BrokenInvariantError("An empty store was accepted.")

    def _restore(self) -> None:
        restore_backup(self.settings, self.folder / "backup.tar", replace=True)
        self.engine = self._open()
        self.service = ServiceState.open(self.settings)
        complete_erasures(self.settings, self.engine, self.now)
        self.list_rows = invariants.read_list_rows(self.engine)

    def _write_table(self) -> None:
        self._write_rows(f"features/{self.rng.integers(3)}.parquet", self._known())

    def _known(self) -> list[str]:
        """Return the customers who are not erased."""
        erased = withheld_ids(self.settings, self.engine, Withheld.ERASED)
        return self.shop.people.filter(~erased.holds())["customer_id"].to_list()

    def _write_rows(self, name: str, ids: list[str]) -> None:
        path = self.settings.workspace.path / name
        path.parent.mkdir(exist_ok=True)
        pl.DataFrame({"customer_id": ids}).write_parquet(path, compression="uncompressed")

    def _damage(self) -> None:
        """Cut a record of checks, or leave what a killed writer leaves."""
        workspace = self.settings.workspace.path
        records = workspace / "checks" / "loads.jsonl"
        if self.rng.random() < 0.5 and records.exists():
            content = records.read_bytes()
            records.write_bytes(content[: int(self.rng.integers(len(content) + 1))])
            repair_history(workspace)
        else:
            self._write_rows(".4999999.left.parquet", self._known()[:3])
            shutil.copyfile(workspace / ".4999999.left.parquet", workspace / ".4999998.left.parquet")

    def _jump_clock(self) -> None:
        self.now += timedelta(days=int(self.rng.integers(-20, 40)))

    def _serve(self) -> None:
        """Ask the service for customers, as a CRM would."""
        ids = list({self._someone(), *list(self.erased)[:3], *list(self.objecting)[:3]})
        try:
            withheld, run, rows = self.service.find_customers(ids)
        except NoRunError:
            return
        answered = {row[0] for row in rows}
        if answered & (self.erased | self.objecting) or not (self.erased | self.objecting) & set(ids) <= set(withheld):
            raise BrokenInvariantError("The service answered for a withheld customer.")
        if run != find_current_run(self.engine):
            raise BrokenInvariantError("The service and the store have different current runs.")

    def _kind(self) -> ListKind:
        return ListKind(str(self.rng.choice(list(ListKind))))

    def _someone(self) -> str:
        return str(self.shop.people["customer_id"][int(self.rng.integers(self.shop.people.height))])

    def _check(self, after: str) -> None:
        self.counts["checked"] += 1
        self._note_withheld(after)
        rows = invariants.read_list_rows(self.engine)
        problems = (
            invariants.current_run_problem(self.engine) if self.counts["checked"] % RUN_CHECK_STEPS == 0 else None,
            invariants.list_problem(self.engine, rows, self.list_rows),
            invariants.control_problem(self.engine, rows),
            self._erasure_problem(),
        )
        self.list_rows = rows
        for problem in filter(None, problems):
            raise BrokenInvariantError(f"After {after}: {problem}.")

    def _note_withheld(self, after: str) -> None:
        """Note who is withheld now; whoever was before must still be. A killed step may have withheld its customer or not."""
        for name, reason in (("erased", Withheld.ERASED), ("objecting", Withheld.SUPPRESSED)):
            withheld = withheld_ids(self.settings, self.engine, reason)
            now = set(self.shop.people.filter(withheld.holds())["customer_id"])
            if lost := getattr(self, name) - now - (self.erased if name == "objecting" else set()):
                raise BrokenInvariantError(f"After {after}: {len(lost)} {name} customers are no longer withheld.")
            setattr(self, name, now)

    def _erasure_problem(self) -> str | None:
        """Let the next command end what came in between, and look for erased ids."""
        complete_erasures(self.settings, self.engine, self.now)
        return invariants.erased_bytes(self.settings.workspace.path, self.erased)
