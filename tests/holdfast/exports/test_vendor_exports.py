"""`init` on exports: one small shop, written as each vendor writes it, is read with the same orders each time."""

import shutil
import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from expectations.validation.tables import check_tables, good_tables
from settings.load import load_settings

Run = Callable[..., tuple[int, str, str]]
NOW = datetime(2026, 6, 1)


@pytest.fixture
def init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holdfast: Run) -> Callable[..., None]:
    """Type `holdfast init FILE...`, and compare what the configuration reads with what is right."""

    def check(places: list[str], right: Any) -> None:  # noqa: ANN401  # Expected, of the conftest
        monkeypatch.chdir(tmp_path)
        code, output, error = holdfast("init", *places)
        assert code == 0, output + error
        assert "Next: holdfast train, then holdfast run" in " ".join(output.split())
        assert_right(tmp_path, right)

    return check


def assert_right(folder: Path, right: Any) -> None:  # noqa: ANN401  # as above
    settings = load_settings(folder / "holdfast.toml", {})
    reports = {report.table: report for report in check_tables(settings, NOW)}
    assert all(report.usable for report in reports.values()), reports
    transactions = good_tables(settings, ["transactions"]).transactions
    lines = transactions.select("customer_id", "order_id", "ordered_at", pl.col("amount").round(2)).collect()
    assert sorted(lines.rows()) == sorted(right.lines)
    assert set(reports) == right.settings.get("tables", {"transactions"})
    assert ("left_out" in reports["transactions"].rules) == right.settings.get("left_out", False)
    assert reports["transactions"].rules.get("missing_customer_id", 0) == right.settings.get("guests", 0)
    assert settings.workspace.time_zone == right.settings.get("zone", "UTC")
    raw = tomllib.loads((folder / "holdfast.toml").read_text(encoding="utf-8"))
    assert raw["value"].get("currency") == right.settings.get("currency")


@pytest.fixture(scope="session")
def empty_mlflow_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracking store without a run: creating its tables takes half of the time of a small training."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    SqlAlchemyStore(f"sqlite:///{path}", str(path.parent))
    return path


@pytest.mark.slow
def test_three_typed_lines_lead_from_a_vendor_s_export_to_the_right_orders_and_a_first_list(
    vendor_export: tuple[list[str], Any], tmp_path: Path, holdfast: Run, init: Callable[..., None], empty_mlflow_store: Path
) -> None:
    init(*vendor_export)
    shutil.copy(empty_mlflow_store, tmp_path / "workspace" / "mlflow.db")
    assert holdfast("train")[0] == 0
    code, output, error = holdfast("run")
    assert code == 0, output + error
    [path] = (tmp_path / "workspace" / "lists").glob("at_risk-*.parquet")
    customers = {customer for customer, *_ in vendor_export[1].lines}
    assert set(pl.read_parquet(path)["customer_id"]) < customers


def test_an_export_of_no_known_vendor_is_read_with_the_right_orders(
    own_export: tuple[list[str], Any], init: Callable[..., None]
) -> None:
    init(*own_export)
