"""Commands refuse a stopped table unless the user overrides the check, which is recorded."""

from datetime import datetime
from pathlib import Path

import pytest

from expectations.history.overrides import read_overrides
from expectations.validation.gate import load_tables
from expectations.validation.stopped import (
    OverrideRequest,
    TableStoppedError,
    record_stopped_override,
    refuse_stopped_tables,
)
from features.tables.errors import TableUnusableError
from settings.load import load_settings
from settings.sections import Settings

NOW = datetime(2026, 1, 1)
HEADER = "customer_id,order_id,ordered_at,amount"
GOOD = [f"{number},{number},2025-12-01,5" for number in range(100)]
BAD = [f",{number},2025-12-01,5" for number in range(150)]
OVERRIDE = OverrideRequest("score", "half of the tills have no cards")


def write_shop(folder: Path, rows: list[str], surveys: str = "customer_id,answered_at,rating\n1,2025-12-01,5\n") -> Settings:
    (folder / "orders.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    (folder / "surveys.csv").write_text(surveys)
    (folder / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\nsurveys = "surveys.csv"\n')
    return load_settings(folder / "holdfast.toml", {})


def test_a_stopped_table_is_refused_with_a_hint_to_override(tmp_path: Path) -> None:
    settings = write_shop(tmp_path, GOOD + BAD)
    with pytest.raises(
        TableUnusableError, match=r'At most 50% of the rows are set aside; found 60\.0% \(.*\)\..*--override "reason"'
    ):
        load_tables(settings, NOW)
    with pytest.raises(TableStoppedError, match=r'stopped the table transactions \(quarantined_share\).*--override "reason"'):
        refuse_stopped_tables(settings)


def test_an_override_uses_the_good_rows_and_is_recorded(tmp_path: Path) -> None:
    settings = write_shop(tmp_path, GOOD + BAD)
    tables, reports = load_tables(settings, NOW, OVERRIDE)
    assert tables.transactions.collect().height == 100
    assert not reports[0].usable
    refuse_stopped_tables(settings, OverrideRequest("list", "the tills again"))
    record_stopped_override(settings, NOW, OverrideRequest("list", "the tills again"))
    overrides = read_overrides(settings.workspace.path)
    assert [(override.command, override.tables, override.reason) for override in overrides] == [
        ("score", ["transactions"], "half of the tills have no cards"),
        ("list", ["transactions"], "the tills again"),
    ]


def test_an_override_of_an_unreadable_table_uses_its_last_good_rows_if_any(tmp_path: Path) -> None:
    settings = write_shop(tmp_path, GOOD, surveys="no such columns\n1\n")
    with pytest.raises(TableUnusableError, match="the column customer_id is missing") as error:
        load_tables(settings, NOW, OVERRIDE)
    assert "--override" not in str(error.value)
    load_tables(write_shop(tmp_path, GOOD), NOW)
    tables, _ = load_tables(write_shop(tmp_path, GOOD, surveys="no such columns\n1\n"), NOW, OVERRIDE)
    assert tables.surveys is not None
    assert tables.surveys.collect().height == 1


def test_an_override_without_stopped_tables_is_not_recorded(tmp_path: Path) -> None:
    settings = write_shop(tmp_path, GOOD)
    load_tables(settings, NOW, OVERRIDE)
    refuse_stopped_tables(settings)
    assert read_overrides(settings.workspace.path) == []
