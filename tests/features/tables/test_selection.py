"""`where` and `fill_down`: what the columns of an export alone cannot say."""

from datetime import datetime
from pathlib import Path

import pytest

from expectations.validation.report import TableReport
from expectations.validation.tables import check_tables, good_tables
from settings.load import load_settings

NOW = datetime(2026, 12, 1)
HEADER = "Name,Email,Financial Status,Created at,Lineitem price"
SHOPIFY = [  # the fields of an order stand on its first line only
    "#1,ann@example.com,paid,2026-11-01,10",
    "#1,,,,5",
    "#2,bob@example.com,voided,2026-11-02,7",
    "#2,,,,3",
    "#3,cy@example.com,,2026-11-03,4",
    "#3,,,,1",
]
COLUMNS = """[columns.transactions]
customer_id = "Email"
order_id = "Name"
ordered_at = "Created at"
amount = "Lineitem price"
"""
FILLED = 'fill_down = ["Email", "Financial Status", "Created at"]'


def load(
    folder: Path, options: str, rows: list[str] = SHOPIFY, columns: str = COLUMNS
) -> tuple[TableReport, list[tuple[object, ...]]]:
    (folder / "orders.csv").write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    (folder / "holdfast.toml").write_text(
        f'[tables]\ntransactions = {{file = "orders.csv", {options}}}\n{columns}', encoding="utf-8"
    )
    settings = load_settings(folder / "holdfast.toml", {})
    [report] = check_tables(settings, NOW)
    if not report.usable:
        return report, []
    lines = good_tables(settings, ["transactions"]).transactions.select("customer_id", "order_id", "amount").collect()
    return report, lines.rows()


def test_lines_take_the_fields_of_their_own_order(tmp_path: Path) -> None:
    report, lines = load(tmp_path, FILLED)
    assert lines == [
        ("ann@example.com", "#1", 10.0),
        ("ann@example.com", "#1", 5.0),
        ("bob@example.com", "#2", 7.0),
        ("bob@example.com", "#2", 3.0),
        ("cy@example.com", "#3", 4.0),
        ("cy@example.com", "#3", 1.0),
    ]
    assert report.rules == {}


def test_a_voided_order_is_left_out_with_all_its_lines_and_counted(tmp_path: Path) -> None:
    where = """where = "COALESCE(\\"Financial Status\\", '') <> 'voided'\""""
    report, lines = load(tmp_path, f"{FILLED}, {where}")
    assert [line[1] for line in lines] == ["#1", "#1", "#3", "#3"]  # the empty status of #3 is not that of #2
    assert (report.read, report.used, report.rules) == (6, 4, {"left_out": 2})


def test_a_row_for_which_the_condition_is_unknown_is_left_out(tmp_path: Path) -> None:
    report, lines = load(tmp_path, f"""{FILLED}, where = "\\"Financial Status\\" <> 'voided'\"""")
    assert [line[1] for line in lines] == ["#1", "#1"]
    assert report.rules == {"left_out": 4}


def test_rows_left_out_have_no_other_fault_and_do_not_stop_the_table(tmp_path: Path) -> None:
    rows = [*SHOPIFY[:2], *(f"#{number},x@example.com,voided,never,much" for number in range(10, 400))]
    report, lines = load(tmp_path, f"""{FILLED}, where = "\\"Financial Status\\" = 'paid'\"""", rows)
    assert report.usable
    assert (len(lines), report.rules) == (2, {"left_out": 390})


def test_an_order_number_on_the_first_line_only_is_filled_first(tmp_path: Path) -> None:
    rows = [row.replace("#1,,", ",,").replace("#2,,", ",,").replace("#3,,", ",,") for row in SHOPIFY]
    _, lines = load(tmp_path, 'fill_down = ["Name", "Email", "Financial Status", "Created at"]', rows)
    assert [line[1] for line in lines] == ["#1", "#1", "#2", "#2", "#3", "#3"]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ('fill_down = ["Mail"]', "fill_down needs the column Mail, which is missing; found Name, Email, Financial Status"),
        ('where = "Status = 1"', 'where = "Status = 1" needs the column Status, which is missing'),
        ('where = "Name"', 'where = "Name" is no condition on its rows'),
        ('where = "MAX(Name) = Name"', "is no condition on its rows: it uses Agg.Max, which is not known to look at its own row"),
        ('where = "Name ="', 'where = "Name =" is no condition on its rows'),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, options: str, problem: str) -> None:
    report, _ = load(tmp_path, options)
    assert problem in str(report.problem)
