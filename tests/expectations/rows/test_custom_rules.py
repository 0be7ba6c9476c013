from datetime import datetime
from pathlib import Path

import pytest

from expectations.validation.report import TableReport
from expectations.validation.tables import check_tables
from settings.errors import SettingsError
from settings.load import load_settings

NOW = datetime(2026, 1, 1)
ROWS = ["1,1,2025-12-01,5", "2,TEST2,2025-12-01,7", "3,3,2025-12-01,0"]


def check(folder: Path, config: str) -> TableReport:
    (folder / "orders.csv").write_text("\n".join(["customer_id,order_id,ordered_at,amount", *ROWS]) + "\n")
    (folder / "holdfast.toml").write_text(f'[tables]\ntransactions = "orders.csv"\n{config}')
    [report] = check_tables(load_settings(folder / "holdfast.toml", {}), NOW)
    return report


def rule(broken: str, severity: str = "quarantine", name: str = "test_orders") -> str:
    keys = {"name": name, "broken": broken, "sentence": "it is a test", "severity": severity}
    return "\n".join(["[[checks.transactions.rules]]", *(f'{key} = "{value}"' for key, value in keys.items())]) + "\n"


def measure(sql: str, more_keys: str = "") -> str:
    return f'[[checks.transactions.measures]]\nname = "own"\nmeasure = "{sql}"\nsentence = "The mean is high"\n{more_keys}\n'


def warning_names(report: TableReport) -> list[str]:
    return [warning.check.name for warning in report.warnings]


def test_a_custom_rule_sets_rows_aside(tmp_path: Path) -> None:
    report = check(tmp_path, rule("order_id LIKE 'TEST%'"))
    assert (report.used, report.rules) == (2, {"test_orders": 1})


def test_a_custom_rule_may_only_warn_or_stop_the_table(tmp_path: Path) -> None:
    warned = check(tmp_path, rule("order_id LIKE 'TEST%'", "warn"))
    assert (warned.used, warning_names(warned).count("test_orders")) == (3, 1)
    stopped = check(tmp_path, rule("order_id LIKE 'TEST%'", "stop"))
    assert not stopped.usable
    assert (stopped.read, stopped.used, stopped.quarantined) == (3, 2, 1)


def test_a_custom_measure_is_compared_with_its_bounds(tmp_path: Path) -> None:
    assert "own" in warning_names(check(tmp_path, measure("AVG(amount)", "low = 10")))
    assert "own" not in warning_names(check(tmp_path, measure("AVG(amount)", "low = 3\nhigh = 5")))
    assert not check(tmp_path, measure("AVG(amount)", 'low = 10\nseverity = "stop"')).usable


def test_a_measure_that_is_no_number_is_outside_its_bounds_and_null_in_json(tmp_path: Path) -> None:
    report = check(tmp_path, measure("(SUM(amount) - 12) / (COUNT(amount) - 3)", "low = 0"))
    assert "own" in warning_names(report)
    assert report.as_json()["warnings"]["own"]["value"] is None


def test_the_severity_of_a_rule_that_needs_a_missing_column_is_known(tmp_path: Path) -> None:
    assert check(tmp_path, '[checks.transactions.severity]\namount_differs = "quarantine"\n').usable


def test_severities_are_configured_by_name(tmp_path: Path) -> None:
    config = '[checks.transactions.severity]\nzero_amount = "quarantine"\nfresh = "off"\n'
    report = check(tmp_path, config)
    assert report.rules == {"zero_amount": 1}
    assert "fresh" not in {finding.check.name for finding in report.findings}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (rule("amount > AVG(amount)"), "checks.transactions.rules.test_orders looks at more than its own row"),
        (rule("colour = 'red'"), "names the column colour; the table has customer_id, order_id, ordered_at, amount"),
        (rule("amount + 1"), "should be true or false for a row"),
        (rule("amount >>> 1"), "is not a valid SQL expression"),
        (rule("amount > 1", name="missing_amount"), "already has a rule or measure named missing_amount"),
        (measure("amount"), "checks.transactions.measures.own should be one number for the whole table"),
        (measure("amount - MAX(amount)"), "checks.transactions.measures.own should be one number for the whole table"),
        ('[checks.transactions.severity]\nmissing_amnt = "stop"\n', "Unknown key checks.transactions.severity.missing_amnt"),
        ('[checks.transactions.severity]\nmissing_amount = "warn"\n', "should be quarantine or stop: such a row cannot be used"),
        (
            '[checks.transactions.severity]\nfresh = "quarantine"\n',
            "should be stop, warn or off: the check is not about single rows",
        ),
        ("[checks.transactions]\nmax_agee_days = 3\n", "unknown key checks.transactions.max_agee_days"),
    ],
)
def test_an_invalid_configuration_is_refused_with_its_key(tmp_path: Path, config: str, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        check(tmp_path, config)
    assert message in str(error.value)
