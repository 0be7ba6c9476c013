import gc
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from filelock import FileLock
from hypothesis import settings as hypothesis_settings

from features.tables.schema import ALL_TABLES, DTYPES
from settings.processors import configure_openmp

configure_openmp()
hypothesis_settings.register_profile("without timing", deadline=None)  # a busy machine is no failure
hypothesis_settings.load_profile("without timing")
os.environ["TZ"] = "UTC"
time.tzset()
for name in [name for name in os.environ if name.startswith("HOLDFAST__") or name == "HOLDFAST_CONFIG"]:
    del os.environ[name]

ONLINE_RETAIL = Path(__file__).resolve().parents[2] / "shared" / "data" / "online_retail.parquet"

KILLED_STAGES = ("backtest", "logging to MLflow")  # of training, as its progress names them
CUSTOMERS, WEEKS = 700, 110  # of the demo on which most tests run
SHORT_WEEKS = 58  # of the demo of tests that train again: its backtest has two origins instead of four

Rows = list[tuple[object, ...]]


def parse_time(value: object) -> object:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def build_table(name: str, header: str, rows: Rows) -> pl.LazyFrame:
    """Build a canonical table from a header such as "customer_id ordered_at amount" and rows of cells."""
    columns = header.split()
    dtypes = {column: DTYPES[definition.kind] for column in columns if (definition := ALL_TABLES[name].column(column))}
    cells = {column: [row[index] for row in rows] for index, column in enumerate(columns)}
    times = {
        column: [parse_time(cell) for cell in cells[column]] for column, dtype in dtypes.items() if dtype == pl.Datetime("us")
    }
    return pl.LazyFrame(cells | times, schema=dtypes)


@pytest.fixture
def orders() -> Callable[..., pl.LazyFrame]:
    """Build order lines from rows of (customer_id, ordered_at, amount, ...)."""

    def build(rows: Rows, extra: str = "") -> pl.LazyFrame:
        return build_table("transactions", f"customer_id ordered_at amount {extra}", rows)

    return build


@pytest.fixture
def make_table() -> Callable[[str, str, Rows], pl.LazyFrame]:
    return build_table


@pytest.fixture
def holdfast(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Run a command line in this process; return exit code, stdout and stderr."""
    from holdfast.cli import main

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["holdfast", *(str(argument) for argument in arguments)])
        with pytest.raises(SystemExit) as exit_info:
            main()
        captured = capsys.readouterr()
        return int(exit_info.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture(scope="session")
def online_retail() -> Path:
    if not ONLINE_RETAIL.exists():
        pytest.skip("the Online Retail log is not on this machine")
    return ONLINE_RETAIL


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark tests that need PostgreSQL, a browser or the demo by their fixtures and parameters."""
    fixtures = getattr(item, "fixturenames", ())
    parameters = getattr(getattr(item, "callspec", None), "params", {})
    if "postgres" in fixtures or parameters.get("store_url") == "postgresql":
        item.add_marker("postgres")
    if "browser" in fixtures:
        item.add_marker("browser")
    if {"demo", "short_demo"} & set(fixtures):
        item.add_marker("slow")


def pytest_collection_finish() -> None:
    """Leave what the tests import out of the garbage collector's rounds, which take a twelfth of the time otherwise."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files with slow tests first, so that several processes finish together; each file is run by one process.

    The first two files build what the others share, the short demo with its second training and the demo, so that no process
    waits for another one to build them. In each group, files with many tests come first: the last ones to start are short.
    """
    by_file: dict[Path, list[pytest.Item]] = {}
    for item in items:
        by_file.setdefault(item.path, []).append(item)
    builders = [_builder(by_file, fixture, other) for fixture, other in (("retrained", "demo"), ("demo", "short_demo"))]
    files = sorted(by_file, key=lambda path: (path not in builders, *_schedule(by_file[path])))
    items[:] = [item for path in files for item in by_file[path]]


def _builder(by_file: dict[Path, list[pytest.Item]], fixture: str, other: str) -> Path | None:
    """Return a file that uses a fixture, without the other one if there is such a file."""
    candidates = [path for path, tests in by_file.items() if _uses(tests, fixture)]
    return min(candidates, key=lambda path: _uses(by_file[path], other), default=None)


def _schedule(tests: list[pytest.Item]) -> tuple[bool, bool, bool, int]:
    is_slow = any(test.get_closest_marker("slow") for test in tests)
    uses_short_demo = any(_uses(tests, fixture) for fixture in ("retrained", "short_demo"))
    return not is_slow, uses_short_demo, _uses(tests, "demo"), -len(tests)


def _uses(tests: list[pytest.Item], fixture: str) -> bool:
    return any(fixture in getattr(test, "fixturenames", ()) for test in tests)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The temporary folder that all processes of a test run share."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def demo(run_folder: Path) -> Path:
    """The folder of a finished demo on a small simulated shop, shared by all tests that only read."""
    return _finished_demo(run_folder / "demo", WEEKS)


@pytest.fixture(scope="session")
def short_demo(run_folder: Path) -> Path:
    """The folder of a finished demo on a short history, for tests that train again."""
    return _finished_demo(run_folder / "short demo", SHORT_WEEKS)


def _finished_demo(parent: Path, weeks: int) -> Path:
    """Return the folder of a demo in `parent`; the first process that asks for it runs the demo."""
    folder, finished = parent / "shop", parent / "finished"
    with FileLock(parent.with_suffix(".lock")):
        if not finished.exists():
            _run_demo(folder, weeks)
            finished.touch()
    return folder


def _with_win_back(config: Path) -> Path:
    """Let win-back keep customers in proportion to their risk, so that the small shop has a win-back list; return the path.

    By the default, odds, the former customers of this shop are out of reach, and no contact with them is worth its cost.
    """
    text = config.read_text(encoding="utf-8")
    assert text.count("save_rate = 0.05\n") == 1
    config.write_text(text.replace("save_rate = 0.05\n", 'save_rate = 0.05\neffect = "share"\n'), encoding="utf-8")
    return config


def _run_demo(folder: Path, weeks: int) -> None:
    from rich.console import Console

    from holdfast.demo.shops import ShopName, create_shop
    from holdfast.demo.tour import run_tour

    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / "tour.txt").open("w", encoding="utf-8") as output:
        config = create_shop(ShopName.SIMULATED, folder, CUSTOMERS, seed=3, weeks=weeks)
        run_tour(_with_win_back(config), Console(file=output, width=120))


@pytest.fixture(scope="session")
def postgres_url(worker_id: str) -> str:
    """The URL of a PostgreSQL database that only this process uses."""
    url = os.environ.get("HOLDFAST_TEST_POSTGRES")
    if not url:
        pytest.skip("HOLDFAST_TEST_POSTGRES is not set")
    if worker_id == "master":
        return url
    own = sa.make_url(url).set(database=f"{sa.make_url(url).database}_{worker_id}")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if not connection.scalar(sa.text("select 1 from pg_database where datname = :name"), {"name": own.database}):
            connection.execute(sa.text(f'create database "{own.database}"'))
    engine.dispose()
    return own.render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def retrained(short_demo: Path, run_folder: Path) -> Path:
    """The folder of the short demo after a second training that was killed in the last of KILLED_STAGES and then completed.

    The output of the completed training is in `train.txt` beside it; `killed 1` and `killed 2` are copies of the folder as a kill
    in each of the stages leaves it. All are shared by tests that only read.
    """
    folder = run_folder / "retrained" / "shop"
    output = folder.parent / "train.txt"
    with FileLock(run_folder / "retrained.lock"):
        if not output.exists():
            config = copy_demo(short_demo, folder)
            _kill_training(config, lambda number: copy_demo(folder, folder.parent / f"killed {number}", ()))
            text = subprocess.run(
                _train_command(config), capture_output=True, text=True, check=True, env=_other_hash_seed()
            ).stdout
            output.write_text(text, encoding="utf-8")
    return folder


def _train_command(config: Path) -> list[str]:
    return [sys.executable, "-u", "-m", "holdfast", "train", "--config", str(config)]


def _other_hash_seed() -> dict[str, str]:
    return os.environ | {"PYTHONHASHSEED": "random"}


def _kill_training(config: Path, copy: Callable[[int], object]) -> None:
    """Start a training in a process of its own; stop it and copy its folder in each of KILLED_STAGES; kill it in the last.

    A stopped process has left in its files what a killed one leaves.
    """
    process = subprocess.Popen(
        _train_command(config), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=_other_hash_seed()
    )
    assert process.stdout is not None
    for number, stage in enumerate(KILLED_STAGES, start=1):
        assert any(line.startswith(stage) for line in process.stdout), f"training ended before {stage}"
        process.send_signal(signal.SIGKILL if stage == KILLED_STAGES[-1] else signal.SIGSTOP)
        copy(number)
        process.send_signal(signal.SIGCONT)
    process.wait()
    process.stdout.close()


@pytest.fixture
def workshop(demo: Path, tmp_path: Path) -> Path:
    """The configuration of a copy of the finished demo, which a test may change."""
    return copy_demo(demo, tmp_path / "shop")


@pytest.fixture
def short_workshop(short_demo: Path, tmp_path: Path) -> Path:
    """The configuration of a copy of the short demo, which a test may change and train again."""
    return copy_demo(short_demo, tmp_path / "shop")


@pytest.fixture(scope="session")
def copy_shop() -> Callable[[Path, Path], Path]:
    """Copy the folder of a demo that no process writes to; returns the configuration."""
    return copy_demo


def copy_demo(source: Path, target: Path, left_out: tuple[str, ...] = ("*-wal", "*-shm")) -> Path:
    """Copy the folder of a demo, with the absolute paths that MLflow keeps, and return the configuration.

    The files that SQLite keeps beside a database while somebody reads it come and go, so they are left out by default.
    """
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*left_out))
    with sqlite3.connect(target / "workspace" / "mlflow.db") as registry:
        for table, column in (
            ("model_versions", "storage_location"),
            ("model_versions", "source"),
            ("runs", "artifact_uri"),
            ("experiments", "artifact_location"),
            ("logged_models", "artifact_location"),
        ):
            registry.execute(f"update {table} set {column} = replace({column}, ?, ?)", (str(source), str(target)))  # noqa: S608  # fixed names
    registry.close()
    return target / "holdfast.toml"
