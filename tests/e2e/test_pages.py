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

from serving.http.state import utc_now
from serving.lists.weekly import issue, make_list
from serving.outcomes.report import keep_outcomes, measure_outcomes
from serving.privacy.erasure import suppress
from serving.schemas.candidates import TARGET_COLUMNS
from serving.schemas.list_kind import ListKind
from serving.store.engine import open_store
from serving.store.keys import Scope, create_key
from serving.store.publish import publish
from serving.store.read import read_actions
from settings.load import load_settings
from settings.sections import Settings

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = next(filter(None, (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
PAGES = ("week", "week?kind=win_back", "week?kind=recovery", "segments", "outcomes", "models")
NARROW = {"width": 360, "height": 740}
SERIOUS = {"serious", "critical"}


@dataclass(frozen=True)
class Site:
    """A running service, and a key for its pages."""

    address: str
    key: str
    settings: Settings
    engine: sa.Engine


@dataclass(frozen=True)
class RequestContext:
    """A browser on a site, signed in; `seen` are addresses that it asked for, `said` what it complained of."""

    site: Site
    page: Page
    seen: list[str]
    said: list[str]

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.site.address}/ui/{path}")
        self.page.wait_for_load_state("networkidle")
        return self.page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *QUIET])
        yield found
        found.close()


def served(config: Path, run_server: Any, port: int, ready: str = "readyz") -> Iterator[Site]:  # noqa: ANN401  # a fixture's function
    settings = load_settings(config, {})
    engine = open_store(settings.store_url)
    key = create_key(engine, f"marketing {port}", [Scope.LIST], 30, utc_now())
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
) -> Iterator[Site]:
    """The demo shop a month on: a run of before to compare with, outcomes, and an issued list a week later."""
    assert browser.is_connected()
    folder = shutil.copytree(demo, tmp_path_factory.mktemp("pages") / "shop")
    _a_month_on(load_settings(folder / "holdfast.toml", {}))
    yield from served(folder / "holdfast.toml", run_server, new_port())


def _a_month_on(settings: Settings) -> None:
    store = open_store(settings.store_url)
    run, scores = read_actions(store, ["none", "retention", "win_back", "recovery"])
    targets = _targets(store, run.run_id)
    later = scores.with_columns(pl.col("as_of") + timedelta(days=28), pl.lit("split").alias("loyalty_segment"))
    publish(store, later, run.horizon_days, targets=targets)
    for kind in ListKind:
        issue(store, make_list(settings, store, kind), "command run", utc_now())
    orders = pl.scan_parquet(settings.workspace.path.parent / "data" / "transactions.parquet")
    moved = orders.with_columns((pl.col("ordered_at") + pl.duration(days=60)).cast(pl.Datetime("us")))
    until = run.as_of + timedelta(days=50)
    keep_outcomes(store, measure_outcomes(store, moved, until, settings.value.margin), until, utc_now())
    store.dispose()


def _targets(store: sa.Engine, run_id: int) -> pl.DataFrame:
    with store.connect() as connection:
        rows = [tuple(row) for row in connection.execute(sa.text(f"select {', '.join(TARGET_COLUMNS)} from targets_{run_id}"))]  # noqa: S608
    return pl.DataFrame(rows, schema=TARGET_COLUMNS, orient="row")


def visiting(browser: Browser, site: Site, **how: Any) -> Iterator[RequestContext]:  # noqa: ANN401  # Playwright's own
    context = browser.new_context(**how)
    page, seen, said = context.new_page(), [], []
    page.on("request", lambda request: seen.append(request.url))
    page.on("console", lambda message: said.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(f"{site.address}/ui/login")
    page.fill("#key", site.key)
    page.click("button")
    page.wait_for_load_state("networkidle")
    yield RequestContext(site, page, seen, said)
    context.close()


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[RequestContext]:
    yield from visiting(browser, site)


def number(text: str | None) -> float:
    return float((text or "").replace(",", "").replace("about ", "").split()[0])


def test_signing_in_leads_to_what_was_asked_for_and_out_again(browser: Browser, site: Site) -> None:
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


def test_a_filter_shows_and_sums_only_its_rows(visit: RequestContext) -> None:
    page = visit.open("week?kind=at_risk")
    everybody = number(page.inner_text("#sums strong"))
    options = page.locator("#f-region option").evaluate_all("all => all.map(one => one.value).filter(Boolean)")
    found = 0.0
    for region in options:
        page.select_option("#f-region", region)
        page.wait_for_url(f"**region={region}**")
        found += number(page.inner_text("#sums strong"))
    assert len(options) > 1
    assert found == everybody
    page.click("text=Clear")
    assert number(page.inner_text("#sums strong")) == everybody


def test_another_budget_shows_what_it_brings_and_can_be_issued(visit: RequestContext) -> None:
    page = visit.open("week?kind=win_back")
    whole = {name: number(page.inner_text(f"#{name}")) for name in ("contacts", "saved", "wasted", "profit")}
    page.fill("#budget", "5")
    page.press("#budget", "Enter")
    page.wait_for_url("**budget=5**")
    some = {name: number(page.inner_text(f"#{name}")) for name in whole}
    assert some["contacts"] == 10
    assert all(some[name] < whole[name] for name in whole)
    assert some["saved"] + some["wasted"] == pytest.approx(some["contacts"], abs=0.11)
    assert some["profit"] / 10 > whole["profit"] / whole["contacts"]
    page.click("text=Issue a list for")
    page.wait_for_load_state("networkidle")
    assert page.locator("dd:has-text('win_back-')").first.inner_text().endswith("-2")
    assert number(page.inner_text("#sums strong")) == 10


def test_the_slider_and_the_field_move_together(visit: RequestContext) -> None:
    page = visit.open("week?kind=win_back")
    page.locator("#slider").evaluate("one => { one.value = 3; one.dispatchEvent(new Event('input', {bubbles: true})); }")
    assert page.input_value("#budget") == "3"
    page.locator("#slider").evaluate("one => one.dispatchEvent(new Event('change', {bubbles: true}))")
    page.wait_for_url("**budget=3**")
    assert number(page.inner_text("#contacts")) == 6


def test_downloads_hold_the_filtered_rows(visit: RequestContext, tmp_path: Path) -> None:
    page = visit.open("week?kind=win_back")
    segment = page.locator("#f-stage option").nth(1).get_attribute("value")
    page.select_option("#f-stage", segment)
    page.wait_for_url("**stage=**")
    for title, ending in (("Excel", "xlsx"), ("CSV", "csv"), ("Parquet", "parquet")):
        with page.expect_download() as started:
            page.click(f"text=Download {title}")
        path = tmp_path / f"list.{ending}"
        started.value.save_as(path)
        assert started.value.suggested_filename.endswith(f".{ending}")
    rows = pl.read_parquet(tmp_path / "list.parquet")
    assert set(rows["lifecycle_stage"]) == {segment}
    assert rows.filter(arm="treated").height == number(page.inner_text("#sums strong"))
    assert pl.read_csv(tmp_path / "list.csv", infer_schema=False)["customer_id"].to_list() == rows["customer_id"].to_list()
    sheet = zipfile.ZipFile(io.BytesIO((tmp_path / "list.xlsx").read_bytes())).read("xl/sharedStrings.xml").decode()
    assert "is the probability of no purchase in the 91 days" in sheet


def test_a_customer_opens_from_the_list_and_from_the_search(visit: RequestContext) -> None:
    page = visit.open("week?kind=at_risk")
    link = page.locator("#rows tbody tr:not(.control) a").first
    customer = link.inner_text()
    link.click()
    page.wait_for_load_state("networkidle")
    assert page.inner_text("h1") == f"Customer {customer}"
    text = page.inner_text("main")
    assert "Of 100 customers like this one, about" in text
    assert "place no order in the 91 days" in text
    assert "Expected gain" in text
    assert page.locator("img[src*='brands.svg']").evaluate("one => one.naturalWidth") > 100
    page.fill("[aria-label='Customer id']", "nobody")
    page.press("[aria-label='Customer id']", "Enter")
    assert "There is no customer of that id" in page.inner_text("main")


def test_who_objected_is_shown_nothing_of(visit: RequestContext) -> None:
    page = visit.open("week?kind=at_risk")
    customer = page.locator("tbody a").nth(3).inner_text()
    suppress(visit.site.settings, visit.site.engine, customer, utc_now(), "tests")
    assert customer not in visit.open("week?kind=at_risk").inner_text("#rows")
    assert "objected to marketing: nothing is foretold" in visit.open(f"customers/{customer}").inner_text("main")
    assert visit.page.goto(f"{visit.site.address}/ui/charts/brands.svg?customer_id={customer}").status == 404  # type: ignore[union-attr]


def test_everything_can_be_reached_by_keyboard(browser: Browser, site: Site) -> None:
    page = browser.new_page()
    page.goto(f"{site.address}/ui/login")
    tab_to(page, "key")
    page.keyboard.type(site.key)
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/week")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    tab_to(page, "budget")
    page.keyboard.press("Control+A")
    page.keyboard.type("4")
    page.keyboard.press("Enter")
    page.wait_for_url("**budget=4**")
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


def test_pages_fit_a_narrow_screen(browser: Browser, site: Site) -> None:
    for visit in visiting(browser, site, viewport=NARROW, has_touch=True, is_mobile=True):
        customer = visit.open("week").locator("tbody a").first.inner_text()
        for path in (*PAGES, f"customers/{customer}"):
            page = visit.open(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], path


def test_pages_work_without_javascript(browser: Browser, site: Site) -> None:
    for visit in visiting(browser, site, java_script_enabled=False):
        page = visit.open("week?kind=at_risk")
        page.fill("#budget", "5")
        page.click("text=Show")
        assert page.inner_text("#contacts") == "10"


def test_nothing_is_asked_of_others_and_the_browser_has_nothing_to_complain_of(visit: RequestContext) -> None:
    customer = visit.open("week").locator("tbody a").first.inner_text()
    for path in (*PAGES, f"customers/{customer}"):
        page = visit.open(path)
        broken = page.locator("img").evaluate_all("all => all.filter(one => !one.naturalWidth).map(one => one.src)")
        assert broken == [], path
    assert {url for url in visit.seen if not url.startswith(visit.site.address)} == set()
    assert visit.said == []


def test_axe_finds_nothing_serious(visit: RequestContext) -> None:
    customer = visit.open("week").locator("tbody a").first.inner_text()
    for path in (*PAGES, f"customers/{customer}", "customers/nobody"):
        _refuse_serious(visit.open(path), path)
    visit.page.click("text=To this week's lists")
    visit.page.click("text=Sign out")
    _refuse_serious(visit.page, "login")


def _refuse_serious(page: Page, path: str) -> None:
    found = Axe().run(page).response["violations"]
    serious = [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found if each["impact"] in SERIOUS]
    assert serious == [], path


def test_an_empty_store_says_what_to_do(
    browser: Browser,
    demo: Path,
    tmp_path: Path,
    run_server: Any,  # noqa: ANN401
    new_port: Callable[[], int],
) -> None:
    config = tmp_path / "holdfast.toml"
    config.write_text((demo / "holdfast.toml").read_text(encoding="utf-8"), encoding="utf-8")
    for site in served(config, run_server, new_port(), "livez"):
        for visit in visiting(browser, site):
            assert "No scores have been published yet" in visit.page.inner_text("main")
            assert "No scores have been published yet" in visit.open("segments").inner_text("main")
            assert "Nothing has been measured yet" in visit.open("outcomes").inner_text("main")
            assert "There is no champion on this machine yet" in visit.open("models").inner_text("main")
            _refuse_serious(visit.page, "models")
            assert visit.said == []


def test_one_customer_is_a_company_too(
    browser: Browser,
    workshop: Path,
    run_server: Any,  # noqa: ANN401
    new_port: Callable[[], int],
) -> None:
    settings = load_settings(workshop, {})
    store = open_store(settings.store_url)
    run, scores = read_actions(store, ["win_back"])
    one = scores.head(1).with_columns(pl.col("as_of") + timedelta(days=100))
    targets = _targets(store, run.run_id).filter(pl.col("customer_id") == one["customer_id"][0])
    publish(store, one, run.horizon_days, targets=targets)
    store.dispose()
    for site in served(workshop, run_server, new_port()):
        for visit in visiting(browser, site):
            assert "Not issued for this week yet" in visit.page.inner_text("main")
            visit.page.click("text=Issue this week's lists")
            visit.page.wait_for_load_state("networkidle")
            assert "No customer is on this list" in visit.open("week?kind=at_risk").inner_text("main")
            assert one["customer_id"][0] in visit.open("week?kind=win_back").inner_text("#rows")
            assert "Inactive" in visit.open("segments").inner_text("main")
            assert one["customer_id"][0] in visit.open(f"customers/{one['customer_id'][0]}").inner_text("h1")
            assert visit.said == []
