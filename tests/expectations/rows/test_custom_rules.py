from datetime import datetime
from pathlib import Path

import pytest

from expectations.validation.report import TableReport
from expectations.validation.tables import check_tables
from settings.errors import SettingsError
from settings.load import load_settings

NOW = datetime(2026, 1, 1)
ROWS = ["1,1,2025-12-01,5", "2,TEST2,2025-12-01,7", "3,3,2025-12-01,0"]


def checked(folder: Path, config: str) -> TableReport:
    (folder / "orders.csv").write_text("\n".join(["customer_id,order_id,ordered_at,amount", *ROWS]) + "\n")
    (folder / "holdfast.toml").write_text(f'[tables]\ntransactions = "orders.csv"\n{config}')
    [report] = check_tables(load_settings(folder / "holdfast.toml", {}), NOW)
    return report


def rule(broken: str, severity: str = "quarantine", name: str = "test_orders") -> str:
    told = {"name": name, "broken": broken, "sentence": "it is a test", "severity": severity}
    return "\n".join(["[[checks.transactions.rules]]", *(f'{key} = "{value}"' for key, value in told.items())]) + "\n"


def measure(sql: str, more: str = "") -> str:
    return f'[[checks.transactions.measures]]\nname = "own"\nmeasure = "{sql}"\nsentence = "The mean is high"\n{more}\n'


def test_a_company_sets_rows_aside_by_a_rule_of_its_own(tmp_path: Path) -> None:
    report = checked(tmp_path, rule("order_id LIKE 'TEST%'"))
    assert (report.used, report.rules) == (2, {"test_orders": 1})


def test_a_rule_of_its_own_may_only_warn_or_stop(tmp_path: Path) -> None:
    warned = checked(tmp_path, rule("order_id LIKE 'TEST%'", "warn"))
    assert (warned.used, [each.check.name for each in warned.warnings if each.check.name == "test_orders"]) == (
        3,
        ["test_orders"],
    )
    halted = checked(tmp_path, rule("order_id LIKE 'TEST%'", "stop"))
    assert not halted.usable
    assert (halted.read, halted.used, halted.quarantined) == (3, 2, 1)


def test_a_measure_of_its_own_is_held_against_its_bounds(tmp_path: Path) -> None:
    assert "own" in {each.check.name for each in checked(tmp_path, measure("AVG(amount)", "low = 10")).warnings}
    assert "own" not in {each.check.name for each in checked(tmp_path, measure("AVG(amount)", "low = 3\nhigh = 5")).warnings}
    assert not checked(tmp_path, measure("AVG(amount)", 'low = 10\nseverity = "stop"')).usable


def test_severities_are_configured_by_name(tmp_path: Path) -> None:
    config = '[checks.transactions.severity]\nzero_amount = "quarantine"\nfresh = "off"\n'
    report = checked(tmp_path, config)
    assert report.rules == {"zero_amount": 1}
    assert "fresh" not in {each.check.name for each in report.findings}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (rule("amount > AVG(amount)"), "checks.transactions.rules.test_orders looks at more than its own row"),
        (rule("colour = 'red'"), "names the column colour; the table has customer_id, order_id, ordered_at, amount"),
        (rule("amount + 1"), "should be true or false for a row"),
        (rule("amount >>> 1"), "is no SQL that can be used"),
        (rule("amount > 1", name="missing_amount"), "has a rule or measure named missing_amount already"),
        (measure("amount"), "checks.transactions.measures.own should be one number for the whole table"),
        ('[checks.transactions.severity]\nmissing_amnt = "stop"\n', "Unknown key checks.transactions.severity.missing_amnt"),
        ('[checks.transactions.severity]\nmissing_amount = "warn"\n', "should be quarantine or stop: such a row cannot be used"),
        ('[checks.transactions.severity]\nfresh = "quarantine"\n', "should be stop, warn or off: it looks at no single row"),
        ("[checks.transactions]\nmax_agee_days = 3\n", "unknown key checks.transactions.max_agee_days"),
    ],
)
def test_what_cannot_be_is_refused_by_its_key(tmp_path: Path, config: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        checked(tmp_path, config)
    assert said in str(error.value)
