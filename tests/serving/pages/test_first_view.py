"""What a marketer sees first: the decision, the question before a download, lists, searches, errors and empty pages."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from serving.lists.issuing import issue
from serving.lists.weekly import make_list
from serving.pages.render import TermLinks
from serving.schemas.glossary import TERMS
from serving.schemas.list_kind import ListKind
from serving.store.audit import LIST_DOWNLOADED
from serving.store.keys import Scope
from serving.store.lists.precedence import effective_list
from serving.store.runs import read_current_run
from serving.store.schema import AUDIT, LISTS, RUNS
from settings.clock import utc_now

WEEK = "2025-W07"  # of the demo


@pytest.fixture
def browser(own_service: Any) -> TestClient:  # noqa: ANN401  # a fixture
    """A signed-in browser, which keeps its cookie and follows redirects."""
    client = TestClient(own_service.client.app, raise_server_exceptions=False)
    client.post("/ui/login", data={"key": own_service.key(Scope.LIST, Scope.ISSUE)})
    return client


def text_of(page: str) -> str:
    """Return the words of a page as a reader sees them, without tooltips."""
    without_tips = re.sub(r'<span class="tip".*?</span>', "", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", "", without_tips)).split())


def make_data_current(service: Any) -> None:  # noqa: ANN401  # a fixture
    """Move the run to today, and issue its at-risk list."""
    with service.state.engine.begin() as connection:
        connection.execute(RUNS.update().values(as_of=utc_now().date()))
    state = service.state
    issue(state.settings, state.engine, make_list(state.settings, state.engine, ListKind.AT_RISK), "ann", utc_now())


def test_the_first_view_of_a_current_list_is_a_decision_with_its_export(own_service: Any, browser: TestClient) -> None:  # noqa: ANN401
    make_data_current(own_service)
    page = browser.get("/ui/week").text
    main = page[page.index("<main") :]
    decision = text_of(main[: main.index("</section>")])
    figures = re.search(
        r"Contact these (\d+) customers today Cost ([\d.,]+) EUR. Assumed gain about ([\d.,]+) EUR over 365 days", decision
    )
    assert figures is not None, decision
    assert "Export to Excel" in decision
    assert "asks first" not in decision
    assert "These data are old" not in page
    assert main.index("Try another budget") > main.index("Export to Excel")
    list_id = re.search(r"list_id=(at_risk[^&\"]+)", main).group(1)  # type: ignore[union-attr]
    file = browser.get(f"/ui/week/download?list_id={list_id}&format=xlsx&arm=treated")
    assert file.headers["content-disposition"] == f'attachment; filename="{list_id}.xlsx"'


def test_the_title_says_of_which_week_the_data_are_and_old_data_are_a_banner(browser: TestClient) -> None:
    page = browser.get("/ui/week").text
    assert "<title>Week 7 of 2025: 10 Feb to 16 Feb 2025" in page
    assert "This week</h1>" not in page
    assert "These data are old: as of 10 Feb 2025," in text_of(page)
    assert "Issue a new list first: this one, of" in text_of(page)


def test_a_download_of_old_data_asks_first_and_is_recorded_only_when_it_happens(own_service: Any, browser: TestClient) -> None:  # noqa: ANN401
    def reads() -> int:
        with own_service.state.engine.connect() as connection:
            return len(connection.execute(sa.select(AUDIT).where(AUDIT.c.what == LIST_DOWNLOADED)).all())

    list_id = effective_list(own_service.state.engine, "at_risk", WEEK).list_id  # type: ignore[union-attr]
    link = f"/ui/week/download?list_id={list_id}&format=csv&arm=treated&stage=client"
    before = reads()
    asked = browser.get(link)
    assert asked.headers["content-type"].startswith("text/html")
    assert "The list was to be used until 16 Feb 2025." in text_of(asked.text)
    assert reads() == before
    for wrong in ("yes", "2025-02-09", "2099-01-01"):
        assert browser.get(f"{link}&confirmed={wrong}").headers["content-type"].startswith("text/html")
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', asked.text[asked.text.index("/ui/week/download") :]))
    file = browser.get("/ui/week/download", params=fields)
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert set(re.findall(r",(client|repeat|advocate|first_time),", file.text)) == {"client"}
    assert reads() == before + 1


def test_rows_are_sorted_counted_and_paged_in_both_directions(browser: TestClient) -> None:
    page = browser.get("/ui/week?sort=-risk").text
    total = int(re.search(r'id="place">1 to 50 of (\d+)', page).group(1))  # type: ignore[union-attr]
    seen, pages = [], 1
    while True:
        rows = page[page.index("<tbody") : page.index("</tbody>")]
        seen += re.findall(r'href="/ui/customers/([^"]+)"', rows)
        link = re.search(r'rel="next" href="([^"]+)"', page)
        if link is None:
            break
        before, page, pages = page, browser.get(unescape(link.group(1))).text, pages + 1
        back = browser.get(unescape(re.search(r'rel="prev" href="([^"]+)"', page).group(1))).text  # type: ignore[union-attr]
        assert re.search(r'id="place">[^<.]+', back).group() == re.search(r'id="place">[^<.]+', before).group()  # type: ignore[union-attr]
    assert (len(seen), len(set(seen))) == (total, total)
    assert pages == -(-total // 50)
    assert f"to {total} of {total}" in page


def test_columns_can_be_chosen_and_no_fact_is_repeated_in_each_row(browser: TestClient) -> None:
    page = browser.get("/ui/week").text
    rows = page[page.index("<tbody") : page.index("</tbody>")]
    assert "marketing" not in rows
    assert text_of(page).count("by email; owner: marketing") == 1
    chosen = browser.get("/ui/week?column=risk&column=reason_2&sort=risk").text
    headings = re.findall(r'role="columnheader"[^>]*>(.*?)</th>', chosen, re.DOTALL)
    assert [text_of(heading).removesuffix(" ▲") for heading in headings] == ["Customer", "Risk", "Second reason"]
    assert 'aria-sort="ascending"' in chosen
    next_page = unescape(re.search(r'rel="next" href="([^"]+)"', chosen).group(1))  # type: ignore[union-attr]
    assert "column=risk&column=reason_2" in next_page
    for path in ("week?sort=nothing", "week?column=nothing", "lists?kind=nothing", "lists?status=nothing"):
        assert browser.get(f"/ui/{path}").status_code == 422


def test_all_lists_are_shown_replaced_and_withdrawn_ones_too(own_service: Any, browser: TestClient) -> None:  # noqa: ANN401
    state = own_service.state
    first = effective_list(state.engine, "win_back", WEEK)
    second = issue(
        state.settings, state.engine, make_list(state.settings, state.engine, ListKind.WIN_BACK, budget=5), "ann", utc_now()
    )
    with state.engine.begin() as connection:
        connection.execute(LISTS.update().where(LISTS.c.kind == "recovery").values(withdrawn_at=utc_now()))
    page = browser.get("/ui/lists").text
    rows = {re.search(r"list_id=([^\"]+)", row).group(1): text_of(row) for row in page.split("<tr ")[2:]}  # type: ignore[union-attr]
    assert first is not None
    assert f"replaced {second.issued.list_id} counts as" in rows[first.list_id]
    assert "counts" in rows[second.issued.list_id]
    assert "withdrawn The scores of this list were withdrawn on" in rows[f"recovery-{WEEK}-run1"]
    replaced = browser.get("/ui/lists?status=replaced").text
    assert "1 to 1 of 1" in replaced
    assert f"list_id={first.list_id}" in replaced
    assert browser.get(f"/ui/week?list_id={first.list_id}").status_code == 200


def test_a_part_of_an_id_finds_customers_but_none_who_objected(own_service: Any, browser: TestClient) -> None:  # noqa: ANN401
    page = browser.get("/ui/customers?customer_id=0001").text
    found = re.findall(r'href="/ui/customers/([^"]+)"', page)
    assert found[0].startswith("0001")
    assert all("0001" in customer for customer in found)
    assert len(found) > 1
    own_service.client.post("/suppressions", json={"customer_id": found[1]})
    assert found[1] not in browser.get("/ui/customers?customer_id=0001").text
    assert browser.get(f"/ui/customers?customer_id={found[0]}").url.path == f"/ui/customers/{found[0]}"
    only = browser.get(f"/ui/customers?customer_id={found[0][1:]}")
    assert only.url.path == f"/ui/customers/{found[0]}"
    for text in ("%", "_", "unknown", "000001%"):
        nothing = browser.get("/ui/customers", params={"customer_id": text})
        assert nothing.status_code == 404
        assert "The current scores have no customer with this id." in nothing.text
    with own_service.state.engine.connect() as connection:
        entries = connection.execute(sa.select(AUDIT.c.subject).where(AUDIT.c.what == "customers searched")).all()
    assert len(entries) == 7
    assert "0001" not in {entry.subject for entry in entries}


def test_errors_keep_the_navigation_for_those_who_may_use_it(own_service: Any, browser: TestClient) -> None:  # noqa: ANN401
    for path in ("customers/unknown", "nothing", "week?kind=nothing", "week?list_id=none"):
        page = browser.get(f"/ui/{path}").text
        assert 'aria-label="Pages"' in page, path
        assert 'action="/ui/logout"' in page, path
    stranger = TestClient(own_service.client.app).get("/ui/static/nothing").text
    assert 'aria-label="Pages"' not in stranger


def test_terms_have_definitions_that_keyboard_and_screen_reader_reach(browser: TestClient) -> None:
    page = browser.get("/ui/week").text
    for tooltip in re.findall(r'aria-describedby="(term-\d+)"', page):
        assert page.count(f'id="{tooltip}"') == 1
    for name in ("held_out", "value_at_risk", "assumed_gain", "split", "switcher", "hard_core"):
        assert f'<a href="/ui/glossary#{name}"' in page, name
    glossary = browser.get("/ui/glossary").text
    for name, term in TERMS.items():
        assert f'<dt id="{name}"><dfn>{term.name}</dfn></dt><dd>{term.definition}</dd>' in unescape(glossary)


def test_a_name_without_a_definition_is_shown_as_text() -> None:
    assert TermLinks()("<b>x</b>") == "&lt;b&gt;x&lt;/b&gt;"
    assert TermLinks()(None) == "–"


def test_pages_without_content_give_a_date_and_no_shell_command(own_service: Any, browser: TestClient) -> None:  # noqa: ANN401
    engine = own_service.state.engine
    with engine.begin() as connection:
        connection.execute(sa.text("delete from reports"))
    run = read_current_run(engine)
    outcomes = text_of(browser.get("/ui/outcomes").text)
    first_result = run.as_of + timedelta(days=run.horizon_days)
    assert f"The first result comes with the first weekly run on or after {first_result:%-d %b %Y}" in outcomes
    assert "shown with the scores of 10 Mar 2025 or later" in text_of(browser.get("/ui/segments").text)
    assert "The next list, of 17 Feb 2025, shows what changed." in text_of(browser.get("/ui/week").text)
    with engine.begin() as connection:
        connection.execute(RUNS.update().values(state="withdrawn"))
    today = utc_now().date()
    monday = today - timedelta(days=today.weekday())
    for path in ("week", "segments", "outcomes", "models", "lists", "glossary", "login"):
        page = browser.get(f"/ui/{path}").text
        assert "<code>" not in page, path
        assert not re.search(r"\bholdfast (run|train|outcomes|keys)\b", page), path
    assert f"the week that starts on {monday:%-d %b %Y}" in text_of(browser.get("/ui/week").text)
