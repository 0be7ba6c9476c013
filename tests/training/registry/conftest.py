import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import mlflow
import pytest
from filelock import FileLock

from features.norms import Norms
from models.btyd.bgnbd import BGNBD
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.pair import BuyTillYouDie
from models.champion import Champion, ChampionTerms, current_champion
from models.churn.order_columns import OrderColumnChurn
from settings.sections import Settings, TableSources, Workspace
from training.registry import mlflow_client as tracking
from training.registry.champion_alias import open_registry
from training.registry.log_run import register_champion
from training.registry.orphans import remove_orphans
from training.registry.promotion import confirm, promote, rollback
from training.registry.workspace_tags import own_tags

PASSING = {
    "log_loss": 0.30,
    "baseline_log_loss": 0.40,
    "calibration_error": 0.02,
    "calibration_floor": 0.01,
    "worst_segment": 0.9,
}
SMALL = Champion(
    terms=ChampionTerms(
        trained_as_of=date(2025, 3, 1), horizon_days=90, active_days=365, loyalty_unit="brand", loyalty_min_purchases=4
    ),
    norms=Norms(date(2025, 3, 1)),
    churn=OrderColumnChurn(0.5),
    btyd=BuyTillYouDie(BGNBD(0.2, 4.0, 0.8, 2.4), GammaGamma(6.0, 3.7, 15.0)),
    gamma_shape=1.5,
    value_cuts=(1.0, 2.0, 3.0, 4.0),
    log_total_std=0.2,
    backtest_metrics=PASSING,
)


class Killed(BaseException):
    """The process ends here: nothing after it runs, not even the end of an MLflow run."""


@dataclass
class Shop:
    """A workspace with a registry of its own, and small champions that differ in their gamma shape."""

    folder: Path
    uri: str | None = None

    def copy(self, name: str) -> "Shop":
        """Return a copy of the workspace."""
        target = self.folder.with_name(name)
        shutil.copytree(self.folder, target)
        return Shop(target)

    @property
    def settings(self) -> Settings:
        settings = Settings(TableSources("none.csv"), Workspace(self.folder))
        return settings if self.uri is None else replace(settings, tracking=replace(settings.tracking, mlflow_uri=self.uri))

    @property
    def champions(self) -> Path:
        return self.folder / "champion"

    @property
    def current(self) -> tuple[str, float]:
        """The version and the gamma shape of the current champion."""
        champion = current_champion(self.champions)
        return champion.version, champion.gamma_shape

    def train(self, gamma_shape: float, **changes: object) -> tuple[str, bool, list[str]]:
        """Do what `train` does with MLflow; return version, whether it is champion, and what was corrected."""
        settings = self.settings
        notes = [*open_registry(settings), *remove_orphans(settings)]
        own = own_tags(self.folder)
        with tracking.run("train 2025-03-01", tags=own), tempfile.TemporaryDirectory() as name:
            with tracking.run("churn: bgnbd", nested=True):
                tracking.log_run({"kind": "churn"}, {}, {})
            champion = replace(SMALL, gamma_shape=gamma_shape, **changes)  # type: ignore[arg-type]  # fields of a champion
            version, is_champion = register_champion(settings, champion, Path(name) / "champion", own)
        confirm(settings)
        return version, is_champion, notes

    def promote(self, version: str | None = None, *, force: bool = False) -> tuple[str, str, list[str]]:
        """Do what `promote` does; return version, folder and what was said on the way."""
        done = promote(self.settings, version, force=force)
        confirm(self.settings)
        return done.version, done.folder, done.notes

    def rollback(self) -> tuple[str | None, str, list[str]]:
        """Do what `rollback` does; return the versions replaced and restored, and what was said on the way."""
        done = rollback(self.settings)
        confirm(self.settings)
        return done.replaced, done.restored, done.notes

    def alias(self, name: str = "champion") -> str | None:
        """The version that an alias of the registry points to."""
        mlflow.set_tracking_uri(self.settings.mlflow_uri)
        version = tracking.alias_version(name)
        return None if version is None else str(version.version)

    def runs(self, status: str = "RUNNING") -> list[str]:
        """The names of the runs with this status."""
        mlflow.set_tracking_uri(self.settings.mlflow_uri)
        return sorted(run.info.run_name for run in tracking.runs_where(f"attributes.status = '{status}'"))

    def versions(self) -> list[str]:
        """The numbers of all registered versions."""
        mlflow.set_tracking_uri(self.settings.mlflow_uri)
        return sorted(str(version.version) for version in tracking.versions_where("run_id != ''"))


@pytest.fixture(scope="session")
def empty_registry(run_folder: Path) -> Path:
    """A migrated database of MLflow without any run: creating one takes ten seconds."""
    folder = run_folder / "empty_registry"
    with FileLock(run_folder / "empty_registry.lock"):
        if not (folder / "mlflow.db").is_file():
            mlflow.set_tracking_uri(f"sqlite:///{folder / 'creating.db'}")
            folder.mkdir(exist_ok=True)
            mlflow.search_experiments()
            shutil.copy(folder / "creating.db", folder / "mlflow.db")
    return folder / "mlflow.db"


@pytest.fixture
def make_shop(tmp_path: Path, empty_registry: Path) -> Callable[[str], Shop]:
    """Make a workspace with an empty registry."""

    def make(name: str) -> Shop:
        (tmp_path / name).mkdir()
        shutil.copy(empty_registry, tmp_path / name / "mlflow.db")
        return Shop(tmp_path / name)

    return make


@pytest.fixture
def shop(make_shop: Callable[[str], Shop]) -> Shop:
    return make_shop("workspace")


STEPS = (
    "models.publication._write_change",
    "models.publication._copy_champion",
    "models.publication._write_lines",
    "training.registry.promotion.end_change",
    "training.registry.log_run.end_change",
    "training.registry.mlflow_client.register",
    "training.registry.mlflow_client.tag_version",
    "training.registry.mlflow_client.set_alias",
    "training.registry.mlflow_client.drop_alias",
)


@pytest.fixture
def is_killed() -> Callable[[int, Callable[[], object]], bool]:
    """Run a command and kill it after the step of this number, counting from 1, or before the first (0).

    Returns whether it was killed, or had fewer steps.
    """

    def run(number: int, command: Callable[[], object]) -> bool:
        done: list[str] = []
        with pytest.MonkeyPatch.context() as patches:
            for step in STEPS:
                module, _, name = step.rpartition(".")
                patches.setattr(step, _counted(getattr(import_module(module), name), number, done))
            patches.setattr(mlflow.ActiveRun, "__exit__", _end_unless_killed(mlflow.ActiveRun.__exit__))
            try:
                command()
            except Killed:
                return True
        return False

    return run


def _counted(original: Callable[..., Any], number: int, done: list[str]) -> Callable[..., Any]:
    def count_and_call(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401  # those of any function
        if number == 0:
            raise Killed
        result = original(*arguments, **options)
        done.append(original.__name__)
        if len(done) == number:
            raise Killed
        return result

    return count_and_call


def _end_unless_killed(end: Callable[..., bool]) -> Callable[..., bool]:
    def leave(run: Any, kind: type[BaseException] | None, *rest: Any) -> bool:  # noqa: ANN401  # as MLflow has it
        if kind is not Killed:
            return end(run, kind, *rest)
        mlflow.tracking.fluent._active_run_stack.set([])  # noqa: SLF001  # as in a new process
        return False

    return leave
