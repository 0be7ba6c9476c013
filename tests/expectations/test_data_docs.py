import re
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


def test_the_front_page_says_in_words_what_was_found_and_links_to_every_check(tmp_path: Path) -> None:
    problem = 'the column amount is no number in any of 3 rows, such as "Anna".'
    index = write_data_docs([REPORTS[0], TableReport("complaints", problem=problem)], tmp_path)
    page = index.read_text()
    assert "10 set aside because customer_id is empty" in page
    assert "2 repeat another row in every column; they stay in use" in page
    assert "The table cannot be used." in page
    assert "the column amount is no number in any of 3 rows." in page
    assert "Anna" not in page
    for link in re.findall(r'href="(validations[^"]+)"', page):
        assert (index.parent / link).is_file()


def test_the_pages_show_counts_in_words(pages: str) -> None:
    assert "transactions" in pages
    assert "rows set aside: missing_customer_id" in pages
    assert "No row is set aside because customer_id is empty" in pages


def test_the_pages_ask_no_other_server_for_anything(pages: str) -> None:
    assert not re.findall(r"<(?:script|link|img|source)[^>]*https?:", pages)
    assert "newsletter" not in pages


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
