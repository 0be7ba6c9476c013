"""Which load becomes the accepted one, what is kept of it, and what happens without it."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from expectations.history.accepted import accepted_path, pending_path, read_accepted
from expectations.history.overrides import read_overrides
from expectations.validation import comparison
from expectations.validation.gate import load_tables
from expectations.validation.report import TableReport
from expectations.validation.stopped import OverrideRequest, TableStoppedError, refuse_stopped_tables
from expectations.validation.tables import check_tables
from features.storage.hashing import HashedIds, hash_text
from features.tables.errors import TableUnusableError
from settings.load import load_settings
from settings.sections import Settings

FIRST, NEXT, LATER = (datetime(2026, 1, day) for day in (1, 8, 14))
OVERRIDE = OverrideRequest("score", "the shop moved to another country")
Row = tuple[str, str, date, float]
ROWS: list[Row] = [
    (f"customer-{number % 40:02d}", f"order-{number}", date(2025, 12, 31) - timedelta(days=number // 2), 10.0 + number % 9)
    for number in range(600)
]
IN_YEN = [(*row[:3], row[3] * 130) for row in ROWS]
SURVEYS = [(f"customer-{number % 40:02d}", date(2025, 12, 31) - timedelta(days=number), 4) for number in range(120)]


def write(folder: Path, rows: list[Row], config: str = "", surveys: list[tuple[str, date, int]] | None = None) -> Settings:
    lines = ["customer_id,order_id,ordered_at,amount", *(",".join(map(str, row)) for row in rows)]
    (folder / "orders.csv").write_text("\n".join(lines) + "\n")
    answers = ["customer_id,answered_at,rating", *(",".join(map(str, row)) for row in (SURVEYS if surveys is None else surveys))]
    (folder / "surveys.csv").write_text("\n".join(answers) + "\n")
    (folder / "holdfast.toml").write_text(f'[tables]\ntransactions = "orders.csv"\nsurveys = "surveys.csv"\n{config}')
    return load_settings(folder / "holdfast.toml", {})


def stops(reports: list[TableReport]) -> dict[str, str]:
    """The check that stopped each table."""
    return {
        report.table: next(f.check.name for f in report.findings if not f.passed and f.check.severity == "stop")
        for report in reports
        if not report.usable
    }


def warnings(reports: list[TableReport]) -> dict[str, float]:
    return {warning.check.name: warning.measure.value for report in reports for warning in report.warnings}


@pytest.fixture
def shop(tmp_path: Path) -> Callable[..., Settings]:
    """Write the sources of a shop whose first load, ROWS, was accepted."""
    check_tables(write(tmp_path, ROWS), FIRST)

    def build(rows: list[Row], config: str = "", surveys: list[tuple[str, date, int]] | None = None) -> Settings:
        return write(tmp_path, rows, config, surveys)

    return build


def test_the_first_load_is_compared_with_nothing_and_becomes_the_accepted_one(tmp_path: Path) -> None:
    reports = check_tables(write(tmp_path, IN_YEN), FIRST)
    compared = {"typical_amount", "gone_orders", "many_gone_orders", "lost_links", "gone_customers", "damaged_profile"}
    assert not compared & {finding.check.name for report in reports for finding in report.findings}
    header = read_accepted(tmp_path / "workspace", "transactions")
    assert header is not None
    assert (header.day, header.used, header.newest) == ("2026-01-01", 600, "2025-12-31")


def test_a_stopped_load_is_never_what_later_loads_are_compared_with(shop: Callable[..., Settings]) -> None:
    for now in (NEXT, LATER):
        assert stops(check_tables(shop(IN_YEN), now)) == {"transactions": "typical_amount"}
    with pytest.raises(
        TableUnusableError, match=r'found 130 .* since the load of 2026-01-01.*accept the load with --override "reason"'
    ):
        load_tables(shop(IN_YEN), LATER)
    assert stops(check_tables(shop(ROWS), LATER)) == {}


def test_an_override_makes_the_load_the_accepted_one_and_is_recorded(shop: Callable[..., Settings]) -> None:
    settings = shop(IN_YEN)
    load_tables(settings, NEXT, OVERRIDE)
    assert [(override.tables, override.reason) for override in read_overrides(settings.workspace.path)] == [
        (["transactions"], "the shop moved to another country")
    ]
    refuse_stopped_tables(settings)
    assert stops(check_tables(settings, LATER)) == {}
    assert "since the load of 2026-01-08" in (check_tables(shop(ROWS), LATER)[0].problem or "")


def test_an_override_for_another_check_still_leaves_the_table_stopped(shop: Callable[..., Settings]) -> None:
    settings = shop(IN_YEN + [("", "x", date(2025, 12, 1), 5.0)] * 700)
    load_tables(settings, NEXT, OVERRIDE)
    with pytest.raises(TableStoppedError, match=r"stopped the table transactions \(quarantined_share\)"):
        refuse_stopped_tables(settings)


def test_an_override_of_an_unreadable_table_accepts_nothing_of_it(shop: Callable[..., Settings]) -> None:
    settings = shop(IN_YEN)
    check_tables(settings, NEXT)
    (settings.workspace.path.parent / "orders.csv").write_text("no such columns\n1\n")
    load_tables(settings, LATER, OVERRIDE)
    accepted = read_accepted(settings.workspace.path, "transactions")
    assert accepted is not None
    assert accepted.day == "2026-01-01"


def test_other_tables_are_accepted_only_with_usable_orders(shop: Callable[..., Settings]) -> None:
    """Their links were counted with the orders; with wrong orders they would be wrong too."""
    settings = shop(IN_YEN, surveys=[*SURVEYS, ("customer-01", date(2026, 1, 1), 5)])
    assert stops(check_tables(settings, NEXT)) == {"transactions": "typical_amount"}
    accepted = read_accepted(settings.workspace.path, "surveys")
    assert accepted is not None
    assert accepted.day == "2026-01-01"


def test_the_same_rows_give_the_same_result_without_another_comparison(
    shop: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer = [row for place, row in enumerate(ROWS) if place % 37]
    expected = {"gone_orders": pytest.approx(16 / 572, abs=0.002)}
    assert warnings(check_tables(shop(fewer), NEXT)) == expected
    monkeypatch.setattr(comparison, "build_profile", None)
    assert warnings(check_tables(shop(fewer[::-1]), LATER)) == expected


def test_rows_that_another_rule_sets_aside_are_no_change_of_the_load(shop: Callable[..., Settings]) -> None:
    rule = '[[checks.transactions.rules]]\nname = "old"\nbroken = "amount > 15"\nsentence = "it is a test"\n'
    [orders, _] = check_tables(shop(ROWS, rule), NEXT)
    assert orders.usable
    assert orders.rules["old"] > 100
    assert orders.changes == {}


def test_orders_of_an_erased_customer_are_no_error_of_the_source(shop: Callable[..., Settings]) -> None:
    erased = HashedIds("key", [hash_text("customer-07", "key")])
    assert stops(check_tables(shop(ROWS), NEXT, erased=erased)) == {}
    assert stops(check_tables(shop([*ROWS, ROWS[0]]), LATER, erased=erased)) == {}


def test_bounds_and_severities_are_configured(shop: Callable[..., Settings]) -> None:
    newest = [row for row in ROWS if row[2] > date(2025, 10, 1)]
    assert stops(check_tables(shop(newest), NEXT))["transactions"] == "lost_history"
    rolling = "[checks.transactions]\nmax_lost_history = 0.9\n"
    assert stops(check_tables(shop(newest, rolling), NEXT)) == {}
    off = "".join(f'{name} = "off"\n' for name in ("new_amounts", "many_restated_orders", "period_totals"))
    off = f'[checks.transactions.severity]\ntypical_amount = "warn"\n{off}'
    in_yen = [(*row[:3], row[3] * 130) for row in newest]
    reports = check_tables(shop(in_yen, off), LATER)
    assert stops(reports) == {}
    assert warnings(reports) == {"typical_amount": 130, "restated_orders": 1}


def test_links_are_compared_when_only_the_orders_changed(shop: Callable[..., Settings]) -> None:
    renamed = [(row[0].replace("customer", "crm"), *row[1:]) for row in ROWS]
    assert stops(check_tables(shop(renamed), NEXT)) == {"transactions": "many_reassigned_orders", "surveys": "lost_links"}


def test_ids_renamed_in_new_orders_only_stop_the_orders(shop: Callable[..., Settings]) -> None:
    week = [(f"customer-{number % 40:02d}", f"new-{number}", date(2026, 1, 1 + number // 10), 12.0) for number in range(60)]
    assert stops(check_tables(shop([*ROWS, *week]), LATER)) == {}
    renamed = [(f"crm-{number}", f"newer-{number}", date(2026, 1, 7 + number // 10), 12.0) for number in range(60)]
    assert stops(check_tables(shop([*ROWS, *week, *renamed]), LATER)) == {"transactions": "returning_customers"}


def test_what_is_kept_of_a_load_has_no_id_in_clear_text(shop: Callable[..., Settings]) -> None:
    workspace = shop(ROWS).workspace.path
    kept = [path for path in (workspace / "checks").rglob("*") if path.is_file()]
    assert {path.name for path in kept} >= {"transactions.parquet", "surveys.parquet", "loads.jsonl"}
    assert not [path for path in kept if b"customer-" in path.read_bytes() or b"order-" in path.read_bytes()]
    profile = pl.read_parquet(accepted_path(workspace, "transactions"))
    assert {name for name, dtype in profile.schema.items() if dtype == pl.String} == {"part", "group", "value"}


def cut(content: bytes) -> bytes:
    return content[:-100]


def overwritten(content: bytes) -> bytes:
    """The file with its footer intact, but not its rows."""
    return content[:4] + bytes(2_000) + content[2_004:]


@pytest.mark.parametrize("damage", [cut, overwritten, lambda _: b""], ids=["cut", "overwritten", "empty"])
def test_a_damaged_profile_causes_a_warning_and_is_replaced(
    shop: Callable[..., Settings], damage: Callable[[bytes], bytes]
) -> None:
    settings = shop([*ROWS, ("customer-01", "order-600", date(2025, 12, 31), 11.0)])
    path = accepted_path(settings.workspace.path, "transactions")
    path.write_bytes(damage(path.read_bytes()))
    assert warnings(check_tables(settings, NEXT)) == {"damaged_profile": 1}
    assert stops(check_tables(shop(IN_YEN), LATER)) == {"transactions": "typical_amount"}


def test_the_profile_of_a_load_that_is_not_accepted_waits_until_the_next_check(shop: Callable[..., Settings]) -> None:
    workspace = shop(ROWS).workspace.path
    check_tables(shop(IN_YEN), NEXT)
    assert pending_path(workspace, "transactions").is_file()
    check_tables(shop(ROWS), LATER)
    assert not pending_path(workspace, "transactions").is_file()
