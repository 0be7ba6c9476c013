"""Complaints, surveys, contacts and customers: their own rules, and customer ids across tables."""

from datetime import datetime
from pathlib import Path

import pytest

from expectations.validation.report import TableReport
from expectations.validation.tables import check_tables
from settings.load import load_settings

NOW = datetime(2026, 1, 1)
ORDERS = "customer_id,order_id,ordered_at,amount\n007,1,2025-12-01,5\n8,2,2025-12-02,5\n"


def check(folder: Path, name: str, header: str, *rows: str) -> TableReport:
    (folder / "orders.csv").write_text(ORDERS)
    (folder / f"{name}.csv").write_text("\n".join([header, *rows]) + "\n")
    (folder / "holdfast.toml").write_text(f'[tables]\ntransactions = "orders.csv"\n{name} = "{name}.csv"\n')
    return check_tables(load_settings(folder / "holdfast.toml", {}), NOW)[1]


def warnings(report: TableReport) -> dict[str, float]:
    return {warning.check.name: warning.measure.value for warning in report.warnings}


@pytest.mark.parametrize(
    ("name", "header", "good", "bad", "rule"),
    [
        ("complaints", "complaint_id,customer_id,opened_at,resolved_at", "a,8,2025-12-02 14:00,2025-12-02",
         "b,8,2025-12-02,2025-12-01", "resolved_before_opened"),
        ("complaints", "complaint_id,customer_id,opened_at,contacts_to_resolve", "a,8,2025-12-02,0", "b,8,2025-12-02,-1",
         "out_of_range_contacts_to_resolve"),
        ("surveys", "customer_id,answered_at,rating", "8,2025-12-02,5", "8,2025-12-02,0", "out_of_range_rating"),
        ("contacts", "customer_id,contacted_at,campaign_id,responded_at", "8,2025-12-02,c,2025-12-02",
         "8,2025-12-02,c,2025-11-30", "responded_before_contacted"),
        ("contacts", "customer_id,contacted_at,campaign_id,cost", "8,2025-12-02,c,0", "8,2025-12-02,c,-1", "out_of_range_cost"),
        ("contacts", "customer_id,contacted_at,campaign_id,propensity", "8,2025-12-02,c,1", "8,2025-12-02,c,1.1",
         "out_of_range_propensity"),
        ("customers", "customer_id,joined_at", "8,1950-05-01", "8,1900-01-01", "implausible_joined_at"),
        ("customers", "customer_id,partner", "8,yes", "8,perhaps", "unreadable_partner"),
    ],
)  # fmt: skip
def test_an_implausible_row_is_set_aside(tmp_path: Path, name: str, header: str, good: str, bad: str, rule: str) -> None:
    report = check(tmp_path, name, header, *[good] * 2, bad)
    assert (report.used, report.rules) == (2, {rule: 1})


def test_complaints_of_unknown_customers_cause_a_warning(tmp_path: Path) -> None:
    header = "complaint_id,customer_id,opened_at"
    report = check(tmp_path, "complaints", header, "a,8,2025-12-02", "b,unknown,2025-12-02")
    assert warnings(report) == {"unknown_customers": 0.5}
    assert report.used == 2


def test_a_known_id_without_its_zeros_is_distinguished_from_an_unknown_id(tmp_path: Path) -> None:
    report = check(tmp_path, "surveys", "customer_id,answered_at,rating", "7,2025-12-02,4", "8.0,2025-12-02,4", "x,2025-12-02,4")
    assert warnings(report)["nearly_known"] == 2


def test_a_repeated_key_causes_a_warning(tmp_path: Path) -> None:
    header = "complaint_id,customer_id,opened_at"
    report = check(tmp_path, "complaints", header, "a,8,2025-12-02", "a,8,2025-12-03", "b,8,2025-12-03")
    assert warnings(report) == {"repeated_keys": 1}


def test_satisfaction_with_an_open_complaint_and_a_self_referral_cause_warnings(tmp_path: Path) -> None:
    header = "complaint_id,customer_id,opened_at,resolved_at,satisfied"
    assert warnings(check(tmp_path, "complaints", header, "a,8,2025-12-02,,yes", "b,8,2025-12-02,2025-12-03,no")) == {
        "judged_while_open": 1
    }
    assert warnings(check(tmp_path, "customers", "customer_id,referred_by", "8,8", "7,8")) == {"referred_by_self": 1}


def test_an_unusable_orders_table_does_not_keep_others_from_their_checks(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("x\n1\n")
    (tmp_path / "surveys.csv").write_text("customer_id,answered_at,rating\n8,2025-12-02,4\n")
    (tmp_path / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\nsurveys = "surveys.csv"\n')
    orders, surveys = check_tables(load_settings(tmp_path / "holdfast.toml", {}), NOW)
    assert (orders.usable, surveys.usable, surveys.used) == (False, True, 1)


def test_a_table_that_is_no_longer_updated_causes_a_warning(tmp_path: Path) -> None:
    report = check(tmp_path, "surveys", "customer_id,answered_at,rating", "8,2025-06-02,4")
    assert warnings(report) == {"days_behind": 183}
