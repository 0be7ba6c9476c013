"""A list that was read or downloaded is replaced only if that is confirmed, stays paused and measured, and can count again."""

import re
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from serving.lists.contacts import issued_contacts
from serving.lists.issuing import issue
from serving.lists.replacement import ReinstatementError, find_replacement, reinstate
from serving.lists.weekly import make_list
from serving.outcomes.rows import issued_rows
from serving.schemas.iso_weeks import week_of
from serving.schemas.list_kind import ListKind
from serving.store.keys import Scope
from serving.store.lists.issued import issued_lists
from serving.store.lists.of_customers import customer_list_rows
from serving.store.lists.precedence import acted_on_lists, effective_list
from serving.store.lists.rows import list_rows
from serving.store.schema import AUDIT, RUNS
from serving.store.sessions import begin_session, find_session_client
from settings.clock import utc_now

KIND = ListKind.WIN_BACK


def effective(service: Any) -> Any:  # noqa: ANN401
    week = service.client.get("/runs/latest").json()["as_of"]
    return effective_list(service.state.engine, KIND, week_of(pl.Series([week]).str.to_date()[0]))


def with_budget(service: Any, budget: float) -> Any:  # noqa: ANN401
    return make_list(service.state.settings, service.state.engine, KIND, budget=budget)


def replace(service: Any, budget: float = 5.0) -> Any:  # noqa: ANN401
    weekly = with_budget(service, budget)
    return issue(service.state.settings, service.state.engine, weekly, "ann", utc_now()).issued


def test_a_list_that_nobody_read_is_replaced_without_asking(own_service: Any) -> None:  # noqa: ANN401
    engine, first = own_service.state.engine, effective(own_service)
    assert find_replacement(engine, with_budget(own_service, 5.0)) is None
    replace(own_service)
    assert first.list_id not in {issued.list_id for issued in acted_on_lists(engine)}


def test_customers_of_a_downloaded_list_stay_paused_contacted_and_measured(own_service: Any) -> None:  # noqa: ANN401
    state, first = own_service.state, effective(own_service)
    rows = list_rows(state.engine, first.list_id, {})
    assert own_service.client.get("/lists/win_back?format=csv").status_code == 200
    replacement = find_replacement(state.engine, with_budget(own_service, 5.0))
    assert replacement is not None
    assert f"{first.list_id} ({first.rows:,} customers, " in replacement.sentence
    assert re.search(r"was downloaded by tests \d+ on 20\d\d-\d\d-\d\d at \d\d:\d\d UTC", replacement.sentence)
    second = replace(own_service)
    dropped = set(rows.filter(arm="treated")["customer_id"]) - set(list_rows(state.engine, second.list_id, {})["customer_id"])
    assert dropped
    assert [issued.list_id for issued in acted_on_lists(state.engine) if issued.kind == KIND] == [second.list_id, first.list_id]
    contacts = issued_contacts(state.engine).filter(pl.col("campaign_id").str.starts_with("win_back"))
    assert contacts["customer_id"].is_unique().all()
    assert set(contacts["customer_id"]) == set(rows["customer_id"])
    measured = issued_rows(state.engine).filter(~pl.col("superseded"), kind=KIND)
    assert measured["customer_id"].is_unique().all()
    assert set(measured["customer_id"]) == set(rows["customer_id"])
    next_week = make_list(state.settings, state.engine, KIND, week=week_of(first.data_as_of + timedelta(days=7)))
    assert not dropped & set(next_week.frame["customer_id"])
    assert [row["list_id"] for row in customer_list_rows(state.engine, min(dropped)) if row["kind"] == KIND] == [first.list_id]


def test_a_replaced_list_can_count_again(own_service: Any) -> None:  # noqa: ANN401
    engine, first = own_service.state.engine, effective(own_service)
    own_service.client.get("/lists/win_back")
    second = replace(own_service)
    reply = own_service.client.post("/reinstatements", json={"list_id": first.list_id, "reason": "sent already"})
    assert (reply.status_code, reply.json()["list"]["list_id"], reply.json()["list"]["counts"]) == (200, first.list_id, True)
    assert effective(own_service).list_id == first.list_id
    assert second.list_id not in {issued.list_id for issued in acted_on_lists(engine)}  # nobody read it
    with engine.connect() as connection:
        note = connection.scalar(sa.select(AUDIT.c.note).where(AUDIT.c.what == "list issued again"))
    assert note == f"replaces {second.list_id}; sent already"
    again = own_service.client.post("/reinstatements", json={"list_id": first.list_id, "reason": "twice"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "not_replaced")
    with pytest.raises(ReinstatementError, match="no list with this id"):
        reinstate(engine, "none", "ann", utc_now())
    list_key = own_service.key(Scope.LIST)
    refused = own_service.send("POST", "/reinstatements", list_key, json={"list_id": first.list_id, "reason": "x"})
    assert refused.status_code == 403


def test_the_api_asks_before_it_replaces_the_list_of_an_earlier_run(own_service: Any) -> None:  # noqa: ANN401
    first = effective(own_service)
    own_service.client.get("/lists/win_back")
    with own_service.state.engine.begin() as connection:  # as if the list were of an earlier run of the same week
        connection.execute(sa.text("update lists set run_id = 0"))
        assert connection.scalar(sa.select(sa.func.count()).select_from(RUNS))
    refused = own_service.client.post("/lists/win_back")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "acted_on")
    assert f"replaces={first.list_id}" in refused.json()["error"]["message"]
    assert own_service.client.post("/lists/win_back?replaces=another").status_code == 409
    assert own_service.client.post(f"/lists/win_back?replaces={first.list_id}").status_code == 201


def page_session(service: Any, *scopes: Scope) -> dict[str, str]:  # noqa: ANN401
    from serving.store.keys import find_client

    client = find_client(service.state.engine, service.key(*scopes), utc_now())
    assert client is not None
    token = begin_session(service.state.engine, client, utc_now())
    assert find_session_client(service.state.engine, token, utc_now()) is not None
    return {"cookie": f"holdfast_session={token}"}


def send_form(service: Any, headers: dict[str, str], path: str, form: dict[str, str]) -> Any:  # noqa: ANN401
    text = service.send("GET", "/ui/week?kind=win_back&budget=5", "", headers=headers).text
    csrf = re.findall(r'name="csrf" value="([^"]+)"', text)[0]
    return service.send("POST", path, "", headers=headers, data=form | {"csrf": csrf}, follow_redirects=False)


def test_the_page_asks_says_what_is_replaced_and_undoes_it(own_service: Any) -> None:  # noqa: ANN401
    first, headers = effective(own_service), page_session(own_service, Scope.LIST, Scope.ISSUE)
    form = {"kind": "win_back", "budget": "5"}
    asked = send_form(own_service, headers, "/ui/week/issue", form)
    assert asked.status_code == 409
    assert f"The list {first.list_id} ({first.rows:,} customers" in asked.text
    assert effective(own_service).list_id == first.list_id
    replaced = send_form(own_service, headers, "/ui/week/issue", form | {"replaces": first.list_id})
    assert replaced.status_code == 303
    assert effective(own_service).list_id != first.list_id
    page = own_service.send("GET", "/ui/week?kind=win_back", "", headers=headers).text
    assert "acted on, so its customers stay paused" in page
    assert send_form(own_service, headers, "/ui/week/reinstate", {"list_id": first.list_id}).status_code == 303
    assert effective(own_service).list_id == first.list_id


def test_a_budget_that_buys_nothing_offers_and_issues_nothing(own_service: Any) -> None:  # noqa: ANN401
    headers = page_session(own_service, Scope.LIST, Scope.ISSUE)
    assert "Issue a list for" in own_service.send("GET", "/ui/week?kind=win_back&budget=5", "", headers=headers).text
    assert "Issue a list for" not in own_service.send("GET", "/ui/week?kind=win_back&budget=0", "", headers=headers).text
    before = len(issued_lists(own_service.state.engine))
    for budget in ("0", "0.001"):
        reply = send_form(own_service, headers, "/ui/week/issue", {"kind": "win_back", "budget": budget})
        assert (reply.status_code, "buys no contact" in reply.text) == (422, True)
    assert len(issued_lists(own_service.state.engine)) == before


def test_a_page_session_issues_only_with_the_scope(own_service: Any) -> None:  # noqa: ANN401
    headers, first = page_session(own_service, Scope.LIST), effective(own_service)
    page = own_service.send("GET", "/ui/week?kind=win_back&budget=5", "", headers=headers).text
    assert "Issue a list for" not in page
    for path, form in (("/ui/week/issue", {"kind": "win_back", "budget": "5"}), ("/ui/week/reinstate", {"list_id": "x"})):
        assert send_form(own_service, headers, path, form).status_code == 403
    assert effective(own_service).list_id == first.list_id
