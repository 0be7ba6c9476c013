from pathlib import Path

import polars as pl
import pytest

from expectations.data_docs import write_data_docs
from expectations.report import TableReport
from expectations.rules import broken_rule, row_rules
from features.tables.schema import ALL_TABLES

REPORTS = [
    TableReport("transactions", read=100, used=90, rules={"missing_customer_id": 10}, duplicates=2),
    TableReport("complaints", problem="the column opened_at is missing; found customer_id."),
]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> str:
    index = write_data_docs(REPORTS, tmp_path_factory.mktemp("workspace"))
    return index.read_text() + "".join(page.read_text() for page in index.parent.rglob("transactions.html"))


def test_the_pages_show_counts_in_words(pages: str) -> None:
    assert "transactions" in pages
    assert "rows set aside: missing_customer_id" in pages
    assert "No row is set aside because customer_id is empty" in pages


def test_a_second_run_adds_to_the_first(tmp_path: Path) -> None:
    for _ in range(2):
        index = write_data_docs(REPORTS[:1], tmp_path)
    assert len(list((index.parent / "validations" / "transactions").rglob("*.html"))) == 2


def test_counts_add_up_in_the_json() -> None:
    entry = REPORTS[0].as_json()
    assert entry["read"] == entry["used"] + entry["quarantined"]
    assert entry["rules"] == {"missing_customer_id": 10}
    assert REPORTS[1].as_json()["usable"] is False


@pytest.mark.parametrize("name", ALL_TABLES)
def test_every_rule_has_a_name_of_its_own(name: str) -> None:
    from datetime import datetime

    table = ALL_TABLES[name]
    rules = row_rules(table, [column.name for column in table.columns], datetime(2026, 1, 1))
    assert len({rule.name for rule in rules}) == len(rules)
    assert isinstance(broken_rule(rules), pl.Expr)
