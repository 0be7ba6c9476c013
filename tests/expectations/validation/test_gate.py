"""Commands do not run on a stopped table, unless told to, and then it is on record."""

from datetime import datetime
from pathlib import Path

import pytest

from expectations.history.overrides import read_overrides
from expectations.validation.gate import OverrideRequest, TableStoppedError, load_tables, refuse_stopped
from features.tables.errors import TableUnusableError
from settings.load import load_settings
from settings.sections import Settings

NOW = datetime(2026, 1, 1)
HEADER = "customer_id,order_id,ordered_at,amount"
GOOD = [f"{number},{number},2025-12-01,5" for number in range(100)]
BAD = [f",{number},2025-12-01,5" for number in range(150)]
WHY = OverrideRequest("score", "the shop says so")


def shop(folder: Path, rows: list[str], surveys: str = "customer_id,answered_at,rating\n1,2025-12-01,5\n") -> Settings:
    (folder / "orders.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    (folder / "surveys.csv").write_text(surveys)
    (folder / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\nsurveys = "surveys.csv"\n')
    return load_settings(folder / "holdfast.toml", {})


def test_a_stopped_table_is_refused_with_the_way_on(tmp_path: Path) -> None:
    settings = shop(tmp_path, GOOD + BAD)
    with pytest.raises(TableUnusableError, match=r"At most 50% of the rows are set aside; found 60\.0%\..*--despite"):
        load_tables(settings, NOW)
    with pytest.raises(TableStoppedError, match=r"Table transactions was stopped .*quarantined_share.*--despite"):
        refuse_stopped(settings, NOW)


def test_an_override_goes_on_with_the_good_rows_and_is_recorded(tmp_path: Path) -> None:
    settings = shop(tmp_path, GOOD + BAD)
    tables, reports = load_tables(settings, NOW, WHY)
    assert tables.transactions.collect().height == 100
    assert not reports[0].usable
    refuse_stopped(settings, NOW, OverrideRequest("list", "so do I"))
    assert [(each.command, each.tables, each.reason) for each in read_overrides(settings.workspace.path)] == [
        ("score", ["transactions"], "the shop says so"),
        ("list", ["transactions"], "so do I"),
    ]


def test_an_unreadable_table_is_overridden_by_its_last_good_rows_if_it_has_any(tmp_path: Path) -> None:
    settings = shop(tmp_path, GOOD, surveys="no such columns\n1\n")
    with pytest.raises(TableUnusableError, match="the column customer_id is missing") as error:
        load_tables(settings, NOW, WHY)
    assert "--despite" not in str(error.value)
    load_tables(shop(tmp_path, GOOD), NOW)
    tables, _ = load_tables(shop(tmp_path, GOOD, surveys="no such columns\n1\n"), NOW, WHY)
    assert tables.surveys is not None
    assert tables.surveys.collect().height == 1


def test_good_tables_need_no_override_and_leave_none(tmp_path: Path) -> None:
    settings = shop(tmp_path, GOOD)
    load_tables(settings, NOW, WHY)
    refuse_stopped(settings, NOW)
    assert read_overrides(settings.workspace.path) == []
