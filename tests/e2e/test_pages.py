"""The pages in a real browser, served by the real service."""

import io
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from serving.lists.issuing import issue
from serving.lists.weekly import make_list
from serving.outcomes.report import measure_outcomes, save_outcomes
from serving.privacy.objections import suppress
from serving.schemas.candidates import TARGET_COLUMNS
from serving.schemas.list_kind import ListKind
from serving.store.engine import open_store
from serving.store.keys import Scope, create_key
from serving.store.publish import publish
from serving.store.read import read_scores_by_action
from settings.clock import utc_now
from settings.load import load_settings
from settings.sections import Settings

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
PAGES = ("week", "week?kind=win_back", "week?kind=recovery", "lists", "segments", "outcomes", "models", "glossary")
NARROW = {"width": 360, "height": 740}
CUT_OFF = """() => [...document.querySelectorAll(".sheet, .sheet table, table.rows td, table.rows th")]
    .filter(element => element.checkVisibility() && element.getBoundingClientRect().width > 1)
    .filter(element => element.scrollWidth > element.clientWidth + 1
        || element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(element => element.outerHTML.slice(0, 120))"""
SERIOUS = {"serious", "critical"}


@dataclass(frozen=True)
class Site:
    """A running service, and a key for its pages."""

    address: str
    key: str
    settings: Settings
    engine: sa.Engine


@dataclass(frozen=True)
class BrowserSession:
    """A signed-in browser on a site; `urls` are its requests, `problems` the errors and warnings of its console."""

    site: Site
    page: Page
    urls: list[str]
    problems: list[str]

    def open(self, path: str) -> Page:
        """Open a page, and wait until it and all its charts are loaded."""
        self.page.goto(f"{self.site.address}/ui/{path}", wait_until="load")
        return self.page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *QUIET])
        yield chromium
        chromium.close()


def served(config: Path, run_server: Any, port: int, ready: str = "readyz") -> Iterator[Site]:  # noqa: ANN401  # a fixture's function
    settings = load_settings(config, {})
    engine = open_store(settings.store_url)
    key = create_key(engine, f"marketing {port}", [Scope.LIST, Scope.ISSUE], 30, utc_now())
    arguments = [sys.executable, "-m", "holdfast", "serve", "--config", str(config), "--port", str(port)]
    with run_server(arguments, port, config.parent / "serve.log", ready, PYTHONPATH=str(ROOT)):
        yield Site(f"http://127.0.0.1:{port}", key, settings, engine)
    engine.dispose()


@pytest.fixture(scope="module")
def site(
    demo: Path,
    tmp_path_factory: pytest.TempPathFactory,
    browser: Browser,
    run_server: Any,  # noqa: ANN401
    new_port: Callable[[], int],
    copy_shop: Callable[[Path, Path], Path],
) -> Iterator[Site]:
    """The demo shop a month later, with an earlier run to compare with, measured outcomes and issued lists."""
    assert browser.is_connected()
    config = copy_shop(demo, tmp_path_factory.mktemp("pages") / "shop")
    _add_a_month(load_settings(config, {}))
    yield from served(config, run_server, new_port())


def _add_a_month(settings: Settings) -> None:
    store = open_store(settings.store_url)
    run, scores = read_scores_by_action(store, ["none", "retention", "win_back", "recovery"])
    targets = _targets(store, run.run_id)
    later = scores.with_columns(pl.col("as_of") + timedelta(days=28), pl.lit("split").alias("loyalty_segment"))
    publish(store, later, run.horizon_days, targets=targets)
    for kind in ListKind:
        issue(settings, store, make_list(settings, store, kind), "command run", utc_now())
    orders = pl.scan_parquet(settings.workspace.path.parent / "data" / "transactions.parquet")
    shifted = orders.with_columns((pl.col("ordered_at") + pl.duration(days=60)).cast(pl.Datetime("us")))
    until = run.as_of + timedelta(days=50)
    save_outcomes(store, measure_outcomes(store, shifted, until, settings.value.margin), until, utc_now())
    store.dispose()


def _targets(store: sa.Engine, run_id: int) -> pl.DataFrame:
    with store.connect() as connection:
        rows = [tuple(row) for row in connection.execute(sa.text(f"select {', '.join(TARGET_COLUMNS)} from targets_{run_id}"))]  # noqa: S608
    return pl.DataFrame(rows, schema=TARGET_COLUMNS, orient="row")


def sessions(browser: Browser, site: Site, **options: Any) -> Iterator[BrowserSession]:  # noqa: ANN401  # Playwright's own
    context = browser.new_context(**options)
    page, urls, problems = context.new_page(), [], []
    page.on("request", lambda request: urls.append(request.url))
    page.on("console", lambda message: problems.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{site.address}/ui/login")
    page.fill("#key", site.key)
    page.click("button")
    page.wait_for_url("**/ui/week")
    yield BrowserSession(site, page, urls, problems)
    context.close()


@pytest.fixture
def session(browser: Browser, site: Site) -> Iterator[BrowserSession]:
    yield from sessions(browser, site)


def number(text: str | None) -> float:
    return float((text or "").replace(",", "").replace("about ", "").split()[0])


def test_signing_in_leads_to_the_requested_page_and_signing_out_ends_the_session(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    page.goto(f"{site.address}/ui/segments")
    assert page.url == f"{site.address}/ui/login?next=%2Fui%2Fsegments"
    page.fill("#key", "hf_wrong_key")
    page.click("button")
    assert page.inner_text("[role=alert]") == "This key is unknown, expired or revoked."
    page.fill("#key", site.key)
    page.click("button")
    assert page.url == f"{site.address}/ui/segments"
    [cookie] = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Lax")
    page.click("text=Sign out")
    page.goto(f"{site.address}/ui/week")
    assert "/ui/login" in page.url
    page.close()


def test_a_filter_shows_and_sums_only_its_rows(session: BrowserSession) -> None:
    page = session.open("week?kind=at_risk")
    unfiltered = number(page.inner_text("#sums strong"))
    options = page.locator("#f-region option").evaluate_all("options => options.map(option => option.value).filter(Boolean)")
    total = 0.0
    for region in options:
        page.select_option("#f-region", region)
        page.wait_for_url(f"**region={region}**")
        total += number(page.inner_text("#sums strong"))
    assert len(options) > 1
    assert total == unfiltered
    page.click("text=Clear")
    assert number(page.inner_text("#sums strong")) == unfiltered


def test_another_budget_shows_its_effect_and_can_be_issued(session: BrowserSession) -> None:
    page = session.open("week?kind=win_back")
    default = {name: number(page.inner_text(f"#{name}")) for name in ("contacts", "saved", "wasted", "profit")}
    page.fill("#budget", "5")
    page.press("#budget", "Enter")
    page.wait_for_url("**budget=5**")
    smaller = {name: number(page.inner_text(f"#{name}")) for name in default}
    assert smaller["contacts"] == 10
    assert all(smaller[name] < default[name] for name in default)
    assert smaller["saved"] + smaller["wasted"] == pytest.approx(smaller["contacts"], abs=0.11)
    assert smaller["profit"] / 10 > default["profit"] / default["contacts"]
    page.click("text=Issue a list for")
    page.wait_for_load_state("networkidle")
    assert "Customers of the old list stay paused" in page.inner_text("main")
    page.click("text=Replace it")
    page.wait_for_load_state("networkidle")
    assert page.locator("dd:has-text('win_back-')").first.inner_text().endswith("-2")
    assert number(page.inner_text("#sums strong")) == 10


def test_the_slider_and_the_field_move_together(session: BrowserSession) -> None:
    page = session.open("week?kind=win_back")
    page.locator("#slider").evaluate("slider => { slider.value = 3; slider.dispatchEvent(new Event('input', {bubbles: true})); }")
    assert page.input_value("#budget") == "3"
    page.locator("#slider").evaluate("slider => slider.dispatchEvent(new Event('change', {bubbles: true}))")
    page.wait_for_url("**budget=3**")
    assert number(page.inner_text("#contacts")) == 6
    moved = "slider => { slider.value = 3.4567; slider.dispatchEvent(new Event('input', {bubbles: true})); }"
    page.locator("#slider").evaluate(moved)
    assert page.input_value("#budget") == "3.46"  # never three decimals, which may mean thousands
    page.fill("#budget", "1.000,50")
    assert float(page.input_value("#slider")) == pytest.approx(3.46)
    page.press("#budget", "Enter")
    page.wait_for_load_state("networkidle")
    assert "1,000.50 EUR is more than all actions cost" in page.inner_text("#budget-card")


def test_downloads_have_the_filtered_rows(session: BrowserSession, tmp_path: Path) -> None:
    page = session.open("week?kind=win_back")
    stage = page.locator("#f-stage option").nth(1).get_attribute("value")
    page.select_option("#f-stage", stage)
    page.wait_for_url("**stage=**")
    for title, ending in (("Excel", "xlsx"), ("CSV", "csv"), ("Parquet", "parquet")):
        page.click(f"text=Download {title}")
        assert "The data of this list are" in page.inner_text("main")
        with page.expect_download() as started:
            page.click("text=Download anyway")
        page.click("text=Back to the list")
        page.wait_for_load_state("networkidle")
        assert f"stage={stage}" in page.url
        path = tmp_path / f"list.{ending}"
        started.value.save_as(path)
        assert started.value.suggested_filename.endswith(f".{ending}")
    rows = pl.read_parquet(tmp_path / "list.parquet")
    assert set(rows["lifecycle_stage"]) == {stage}
    assert rows.filter(arm="treated").height == number(page.inner_text("#sums strong"))
    assert pl.read_csv(tmp_path / "list.csv", infer_schema=False)["customer_id"].to_list() == rows["customer_id"].to_list()
    sheet = zipfile.ZipFile(io.BytesIO((tmp_path / "list.xlsx").read_bytes())).read("xl/sharedStrings.xml").decode()
    assert "is the probability of no purchase in the 91 days" in sheet


def test_a_customer_opens_from_the_list_and_from_the_search(session: BrowserSession) -> None:
    page = session.open("week?kind=at_risk")
    link = page.locator("#rows tbody tr:not(.control) a").first
    customer = link.inner_text()
    link.click()
    page.wait_for_load_state("networkidle")
    assert page.inner_text("h1") == f"Customer {customer}"
    text = page.inner_text("main")
    assert "Of 100 customers like this one, about" in text
    assert "place no order in the 91 days" in text
    assert "assumed gain about" in text
    assert page.locator("img[src*='brands.svg']").evaluate("image => image.naturalWidth") > 100
    page.fill("[aria-label='Find a customer']", "unknown")
    page.press("[aria-label='Find a customer']", "Enter")
    assert "The current scores have no customer with this id." in page.inner_text("main")


def test_a_customer_who_objected_is_not_shown(session: BrowserSession) -> None:
    page = session.open("week?kind=at_risk")
    customer = page.locator("tbody a").nth(3).inner_text()
    suppress(session.site.settings, session.site.engine, customer, utc_now(), "tests")
    assert customer not in session.open("week?kind=at_risk").inner_text("#rows")
    assert "This customer opted out of marketing: no predictions, not on any list." in session.open(
        f"customers/{customer}"
    ).inner_text("main")
    assert session.page.goto(f"{session.site.address}/ui/charts/brands.svg?customer_id={customer}").status == 404  # type: ignore[union-attr]


def test_all_controls_can_be_reached_by_keyboard(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    page.goto(f"{site.address}/ui/login")
    tab_to(page, "key")
    page.keyboard.type(site.key)
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/week")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    tab_to_text(page, "Try another budget")
    page.keyboard.press("Enter")
    tab_to(page, "budget")
    page.keyboard.press("Control+A")
    page.keyboard.type("4")
    page.keyboard.press("Enter")
    page.wait_for_url("**budget=4**")
    page.goto(f"{site.address}/ui/week")
    tab_to(page, "f-segment")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.goto(f"{site.address}/ui/week")
    tab_to_text(page, "Outcomes")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/outcomes")
    page.close()


def tab_to(page: Page, identity: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == identity:
            return
    raise AssertionError(identity)


def tab_to_text(page: Page, text: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == text:
            return
    raise AssertionError(text)


@pytest.mark.slow
def test_pages_fit_a_narrow_screen(browser: Browser, site: Site) -> None:
    for session in sessions(browser, site, viewport=NARROW, has_touch=True, is_mobile=True):
        customer = session.open("week").locator("tbody a").first.inner_text()
        for path in (*PAGES, f"customers/{customer}"):
            page = session.open(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], path


@pytest.mark.slow
def test_no_table_is_cut_off_at_any_width(session: BrowserSession) -> None:
    for path in (
        *PAGES,
        "week?kind=at_risk&column=reason_2&column=reason_3&column=risk&column=stage",
        "customers?customer_id=0",
    ):
        page = session.open(path)
        for width in (375, 768, 1280, 1440, 1920):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)
            assert page.evaluate(CUT_OFF) == [], (path, width)


def test_a_row_is_a_card_on_a_phone_and_the_head_stays_in_view_on_a_desk(browser: Browser, site: Site) -> None:
    for session in sessions(browser, site, viewport={"width": 375, "height": 740}):
        page = session.open("week?kind=at_risk")
        row = page.locator("#rows tbody tr").first
        assert row.evaluate("row => getComputedStyle(row).display") == "grid"
        assert row.bounding_box()["height"] < 300  # type: ignore[index]
        assert row.locator("td").nth(2).evaluate("cell => getComputedStyle(cell, '::before').content") == '"Risk"'
        assert page.locator("#rows").get_by_role("row").count() == 50
        assert page.locator("#rows").bounding_box()["y"] < 1_300  # type: ignore[index]
    for session in sessions(browser, site, viewport={"width": 1280, "height": 800}):
        page = session.open("week?kind=at_risk")
        assert page.locator("text=Export to Excel").bounding_box()["y"] < 500  # type: ignore[index]
        page.locator("#rows tbody tr").nth(30).scroll_into_view_if_needed()
        page.mouse.wheel(0, 300)
        page.wait_for_timeout(200)
        assert abs(page.locator("#rows thead th").first.bounding_box()["y"]) < 1  # type: ignore[index]


def test_a_term_shows_its_definition_on_focus_without_javascript(browser: Browser, site: Site) -> None:
    for session in sessions(browser, site, java_script_enabled=False):
        page = session.open("week?kind=at_risk")
        term = page.locator(".decision .term", has_text="held-out")
        assert not term.locator("[role=tooltip]").is_visible()
        term.locator("a").focus()
        assert term.locator("[role=tooltip]").is_visible()
        term.locator("a").click()
        assert page.url.endswith("/ui/glossary#held_out")


def test_a_marketer_gets_from_sign_in_to_a_file_and_a_result_in_four_clicks(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    page.goto(site.address)
    page.fill("#key", site.key)
    page.click("text=Sign in")
    page.click("text=Export to Excel")
    with page.expect_download() as started:
        page.click("text=Download anyway")
    page.click("text=Outcomes")
    assert started.value.suggested_filename.endswith(".xlsx")
    assert "Profit of all lists" in page.inner_text("main")
    page.close()


def test_pages_work_without_javascript(browser: Browser, site: Site) -> None:
    for session in sessions(browser, site, java_script_enabled=False):
        page = session.open("week?kind=at_risk")
        page.fill("#budget", "5")
        page.click("#budget-card button:text-is('Show')")
        assert page.inner_text("#contacts") == "10"


@pytest.mark.slow
def test_pages_request_nothing_from_other_sites_and_cause_no_browser_errors(session: BrowserSession) -> None:
    customer = session.open("week").locator("tbody a").first.inner_text()
    for path in (*PAGES, f"customers/{customer}"):
        page = session.open(path)
        broken = page.locator("img").evaluate_all("images => images.filter(image => !image.naturalWidth).map(image => image.src)")
        assert broken == [], path
    assert {url for url in session.urls if not url.startswith(session.site.address)} == set()
    assert session.problems == []


@pytest.mark.slow
def test_axe_reports_no_serious_violation(session: BrowserSession) -> None:
    customer = session.open("week").locator("tbody a").first.inner_text()
    for path in (*PAGES, f"customers/{customer}", "customers?customer_id=0", "customers/unknown"):
        _refuse_serious(session.open(path), path)
    session.page.click("text=Back to this week's lists")
    session.page.click("text=Sign out")
    _refuse_serious(session.page, "login")


def _refuse_serious(page: Page, path: str) -> None:
    violations = Axe().run(page).response["violations"]
    serious = [violation for violation in violations if violation["impact"] in SERIOUS]
    details = [(violation["id"], [node["html"] for node in violation["nodes"]][:3]) for violation in serious]
    assert details == [], path


@pytest.mark.slow
def test_pages_of_an_empty_store_say_what_to_do(
    browser: Browser,
    demo: Path,
    tmp_path: Path,
    run_server: Any,  # noqa: ANN401
    new_port: Callable[[], int],
) -> None:
    config = tmp_path / "holdfast.toml"
    config.write_text((demo / "holdfast.toml").read_text(encoding="utf-8"), encoding="utf-8")
    for site in served(config, run_server, new_port(), "livez"):
        for session in sessions(browser, site):
            assert "No scores have been published yet" in session.page.inner_text("main")
            assert "No scores have been published yet" in session.open("segments").inner_text("main")
            assert "Nothing has been measured yet" in session.open("outcomes").inner_text("main")
            assert "There is no champion on this machine yet" in session.open("models").inner_text("main")
            _refuse_serious(session.page, "models")
            assert session.problems == []


@pytest.mark.slow
def test_a_company_with_one_customer_has_all_pages(
    browser: Browser,
    workshop: Path,
    run_server: Any,  # noqa: ANN401
    new_port: Callable[[], int],
) -> None:
    settings = load_settings(workshop, {})
    store = open_store(settings.store_url)
    run, scores = read_scores_by_action(store, ["win_back"])
    later = scores.head(1).with_columns(pl.col("as_of") + timedelta(days=100))
    customer = later["customer_id"][0]
    targets = _targets(store, run.run_id).filter(pl.col("customer_id") == customer)
    publish(store, later, run.horizon_days, targets=targets)
    store.dispose()
    for site in served(workshop, run_server, new_port()):
        for session in sessions(browser, site):
            assert "Not issued for this week yet" in session.page.inner_text("main")
            session.page.click("text=Issue this week's lists")
            session.page.wait_for_load_state("networkidle")
            assert "No customer is on this list" in session.open("week?kind=at_risk").inner_text("main")
            assert customer in session.open("week?kind=win_back").inner_text("#rows")
            assert "Inactive" in session.open("segments").inner_text("main")
            assert customer in session.open(f"customers/{customer}").inner_text("h1")
            assert session.problems == []
