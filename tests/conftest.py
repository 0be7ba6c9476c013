import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from features.tables.schema import ALL_TABLES, DTYPES

os.environ["TZ"] = "UTC"
time.tzset()
for name in [name for name in os.environ if name.startswith("HOLDFAST__") or name == "HOLDFAST_CONFIG"]:
    del os.environ[name]

ONLINE_RETAIL = Path(__file__).resolve().parents[2] / "shared" / "data" / "online_retail.parquet"

Rows = list[tuple[object, ...]]


def as_moment(value: object) -> object:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def table(name: str, header: str, rows: Rows) -> pl.LazyFrame:
    """Build a canonical table from a header such as "customer_id ordered_at amount" and rows of cells."""
    columns = header.split()
    kinds = {column: DTYPES[found.kind] for column in columns if (found := ALL_TABLES[name].column(column))}
    cells = {column: [row[place] for row in rows] for place, column in enumerate(columns)}
    times = {column: [as_moment(cell) for cell in cells[column]] for column, dtype in kinds.items() if dtype == pl.Datetime("us")}
    return pl.LazyFrame(cells | times, schema=kinds)


@pytest.fixture
def orders() -> Callable[..., pl.LazyFrame]:
    """Order lines from rows of (customer_id, ordered_at, amount, ...)."""

    def build(rows: Rows, extra: str = "") -> pl.LazyFrame:
        return table("transactions", f"customer_id ordered_at amount {extra}", rows)

    return build


@pytest.fixture
def make_table() -> Callable[[str, str, Rows], pl.LazyFrame]:
    return table


@pytest.fixture
def holdfast(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process; returns exit code, stdout and stderr."""
    from holdfast.cli import main

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["holdfast", *(str(argument) for argument in arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capsys.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    return run


@pytest.fixture(scope="session")
def online_retail() -> Path:
    if not ONLINE_RETAIL.exists():
        pytest.skip("the Online Retail log is not on this machine")
    return ONLINE_RETAIL


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished demo on a small simulated shop: its folder, shared by every test that only reads."""
    from rich.console import Console

    from holdfast.demo.shops import ShopName, lay_out
    from holdfast.demo.tour import tour

    folder = tmp_path_factory.mktemp("demo") / "shop"
    with (folder.parent / "tour.txt").open("w", encoding="utf-8") as said:
        tour(lay_out(ShopName.SIMULATED, folder, customers=700, seed=3, weeks=110), Console(file=said, width=120))
    return folder


@pytest.fixture
def workshop(demo: Path, tmp_path: Path) -> Path:
    """A copy of the finished demo that a test may change; returns its configuration."""
    shutil.copytree(demo, tmp_path / "shop")
    moved = str(tmp_path / "shop")
    with sqlite3.connect(tmp_path / "shop" / "workspace" / "mlflow.db") as registry:
        for table, column in (
            ("model_versions", "storage_location"),
            ("model_versions", "source"),
            ("runs", "artifact_uri"),
            ("experiments", "artifact_location"),
            ("logged_models", "artifact_location"),
        ):
            registry.execute(f"update {table} set {column} = replace({column}, ?, ?)", (str(demo), moved))  # noqa: S608  # fixed names
    registry.close()
    return tmp_path / "shop" / "holdfast.toml"
