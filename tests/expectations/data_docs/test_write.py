import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from expectations.data_docs.write import write_data_docs
from expectations.history.overrides import record_override
from expectations.suites.tables import build_checks, build_rules
from expectations.validation.tables import check_tables
from features.tables.schema import ALL_TABLES
from settings.load import load_settings
from settings.sections import Settings

NOW = datetime(2026, 1, 1)
ROWS = "".join(f"{number % 7:03d},secret{number},2025-12-{1 + number % 28:02d},5\n" for number in range(150))
ORDERS = f"customer_id,order_id,ordered_at,amount\n{ROWS}"


def write_shop(folder: Path, orders: str = ORDERS, complaints: str = "complaint_id,customer_id\nc1,Anna\n") -> Settings:
    (folder / "orders.csv").write_text(orders)
    (folder / "complaints.csv").write_text(complaints)
    (folder / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\ncomplaints = "complaints.csv"\n')
    return load_settings(folder / "holdfast.toml", {})


def write_pages(settings: Settings, now: datetime = NOW, *, docs: bool = False) -> dict[str, str]:
    """Check the shop and return the HTML of every page by its path; `docs` includes the pages of Great Expectations."""
    index = write_data_docs(settings, check_tables(settings, now, docs=docs), now)
    return {str(page.relative_to(index.parent)): page.read_text() for page in index.parent.rglob("*.html")}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The pages of a shop that got bad rows in its second week."""
    folder = tmp_path_factory.mktemp("shop")
    write_pages(write_shop(folder, ORDERS), docs=True)
    later = ORDERS + ",x,2025-12-30,5\n" * 10 + "099,y,2025-12-30,5\n099,y,2025-12-30,5\n"
    return write_pages(write_shop(folder, later), NOW + timedelta(days=7), docs=True)


def test_the_front_page_states_findings_and_since_when(site: dict[str, str]) -> None:
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", site["index.html"]))
    assert "162 rows read = 152 used + 10 set aside" in page
    assert "10 rows set aside because customer_id is empty since 2026-01-08" in page
    assert "No row of a file repeats another in every column; such rows stay in use: found 1" in page
    assert "Stopped: complaints." in page
    assert "the column opened_at is missing" in page


@pytest.mark.slow
def test_every_table_has_a_page_with_every_check_and_a_trend(site: dict[str, str]) -> None:
    assert "The newest order is at most 14 days old" in site["transactions.html"]
    assert "First seen" in site["transactions.html"]
    assert "<svg" in site["transactions.html"]
    assert "<svg" not in site["complaints.html"]


def test_every_link_has_a_page(site: dict[str, str]) -> None:
    for name in ("index.html", "transactions.html", "complaints.html"):
        for link in re.findall(r'href="([^"#]+)"', site[name]):
            assert link in site


def test_no_page_shows_an_id_or_a_cell(site: dict[str, str]) -> None:
    random_id = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # of Great Expectations' blocks
    left_out = rf"<svg.*?</svg>|<style.*?</style>|{random_id}|[\w-]*\d{{6,}}[\w-]*"
    text = re.sub(left_out, "", "".join(site.values()), flags=re.DOTALL)
    for cell in ("secret", "Anna", "099"):
        assert cell not in text


def test_our_pages_load_nothing_from_other_servers(site: dict[str, str]) -> None:
    details = max(name for name in site if name.startswith("validations/transactions"))
    for name in ("index.html", "transactions.html", "complaints.html", details):
        assert not re.findall(r"<(?:script|link|img|source)[^>]*https?:", site[name])
    assert "newsletter" not in site[details]


def test_a_row_in_place_of_the_header_is_not_shown(tmp_path: Path) -> None:
    pages = write_pages(write_shop(tmp_path, ORDERS.partition("\n")[2]))
    assert "the column customer_id is missing" in pages["index.html"]
    assert "secret" not in pages["index.html"] + pages["transactions.html"]


def test_an_override_is_shown_with_its_reason(tmp_path: Path) -> None:
    settings = write_shop(tmp_path)
    record_override(settings.workspace.path, "train", ["complaints"], "the <old> rows will do", NOW)
    assert "the &lt;old&gt; rows will do" in write_pages(settings)["index.html"]


@pytest.mark.parametrize("name", ALL_TABLES)
def test_names_and_sentences_of_checks_are_unique(name: str, tmp_path: Path) -> None:
    table, limits = ALL_TABLES[name], getattr(write_shop(tmp_path).checks, name)
    rules = build_rules(table, [column.name for column in table.columns], limits, NOW, {"amount": 5.0, "cost": 1.0})
    checks = build_checks(table, rules, limits)
    assert len({check.name for check in checks}) == len(checks)
    assert len({check.sentence for check in checks}) == len(checks)
