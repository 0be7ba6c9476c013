"""The pages as HTTP requests: access, forms, and invalid parameters."""

import html
import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from features.storage.paths import good_path
from serving.http.auth import is_loopback_host
from serving.http.paths import COOKIE, safe_next_path
from serving.lists.issuing import issue
from serving.lists.weekly import make_list
from serving.schemas.iso_weeks import week_of
from serving.schemas.list_kind import ListKind
from serving.store.bulk import write_rows
from serving.store.keys import Scope, list_keys, revoke_key
from serving.store.lists.precedence import effective_list
from serving.store.runs import current_run
from serving.store.schema import AUDIT, SESSIONS, unit_table
from serving.targeting.units import UNIT_COLUMNS
from settings.clock import utc_now


class Visitor:
    """A minimal browser: it keeps its cookie and follows no redirect."""

    def __init__(self, service: Any, *scopes: Scope) -> None:  # noqa: ANN401  # a fixture
        self.service, self.cookie = service, ""
        self.key = service.key(*(scopes or (Scope.LIST, Scope.ISSUE)))
        response = self.post("login", {"key": self.key})
        self.cookie = response.headers.get("set-cookie", "").partition(";")[0]

    def get(self, path: str, **headers: str) -> Any:  # noqa: ANN401  # httpx's own type
        return self._request("GET", path, headers=headers)

    def post(self, path: str, form: dict[str, str], **headers: str) -> Any:  # noqa: ANN401  # likewise
        return self._request("POST", path, data=form, headers=headers)

    def download(self, list_id: str, file: str = "csv", query: str = "") -> Any:  # noqa: ANN401  # httpx's own type
        """Download a list, and confirm that the demo's data are old."""
        return self.get(f"week/download?list_id={list_id}&format={file}&arm=all&confirmed=2025-02-10{query}")

    def csrf(self) -> str:
        match = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.get("week").text)
        assert match is not None
        return match.group(1)

    def _request(self, method: str, path: str, headers: dict[str, str], **options: Any) -> Any:  # noqa: ANN401  # likewise
        dashed = {name.replace("_", "-"): value for name, value in headers.items()}
        cookie = {"cookie": self.cookie} if self.cookie and "cookie" not in dashed else {}
        return self.service.send(method, f"/ui/{path}", "", headers=cookie | dashed, follow_redirects=False, **options)


@pytest.fixture
def visitor(own_service: Any) -> Visitor:  # noqa: ANN401  # a fixture
    return Visitor(own_service)


def test_a_session_shows_pages_and_ends_with_its_key(visitor: Visitor) -> None:
    page = visitor.get("week")
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert page.headers["cache-control"] == "no-store"
    key_id = visitor.key.split("_")[1]
    revoke_key(visitor.service.state.engine, key_id, utc_now())
    assert visitor.get("week").headers["location"] == "/ui/login?next=%2Fui%2Fweek"


def test_a_session_ends_after_twelve_hours(visitor: Visitor) -> None:
    with visitor.service.state.engine.begin() as connection:
        connection.execute(SESSIONS.update().values(ends_at=utc_now() - timedelta(seconds=1)))
    assert visitor.get("week").status_code == 303


def test_the_page_of_models_names_the_damaged_file_of_the_champion(visitor: Visitor) -> None:
    (visitor.service.state.settings.workspace.path / "champion" / "1" / "churn.json").write_bytes(b"")
    page = visitor.get("models")
    assert page.status_code == 200
    assert "champion/1/churn.json in the workspace is cut: 0 of" in page.text


def test_other_cookies_of_the_host_do_not_hide_the_session(visitor: Visitor) -> None:
    for other in ('prefs={"a":1}', "x y", "u=a b c", "a@b=1", "Path=/", 'a="b c'):
        assert visitor.get("week", cookie=f"{other}; {visitor.cookie}").status_code == 200, other
        assert visitor.get("week", cookie=f"{visitor.cookie}; {other}").status_code == 200, other


def test_a_session_opens_no_route_and_a_key_header_opens_no_page(visitor: Visitor) -> None:
    assert visitor.service.send("GET", "/lists", "", headers={"cookie": visitor.cookie}).status_code == 401
    assert visitor.service.send("GET", "/ui/week", visitor.key, follow_redirects=False).status_code == 303
    score_only = Visitor(visitor.service, Scope.SCORE)
    assert score_only.cookie == ""
    assert "does not have the scope list" in score_only.post("login", {"key": score_only.key}).text


def test_signing_in_again_ends_the_previous_session(visitor: Visitor) -> None:
    visitor.post("login", {"key": visitor.key})
    assert visitor.get("week").status_code == 303


def test_a_correct_key_still_works_after_twenty_wrong_ones_in_a_minute(visitor: Visitor) -> None:
    statuses = [visitor.post("login", {"key": "hf_x_y"}).status_code for _ in range(22)]
    assert statuses == [403] * 20 + [429] * 2
    assert visitor.post("login", {"key": visitor.key}).status_code == 303


def test_a_wrong_key_of_any_format_shows_the_form_again(visitor: Visitor) -> None:
    for form in ({}, {"key": ""}, {"key": "x" * 5_000}, {"key": "é"}):
        response = visitor.post("login", form)
        assert response.status_code == 403
        assert 'name="key"' in response.text


def test_the_cookie_is_secure_behind_https(visitor: Visitor) -> None:
    plain = visitor.post("login", {"key": visitor.key}).headers["set-cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=lax" in plain
    assert "Secure" not in plain
    assert "Secure" in visitor.post("login", {"key": visitor.key}, x_forwarded_proto="https, http").headers["set-cookie"]


@pytest.mark.parametrize(
    "path", ["//evil.example", "/ui//evil.example", "https://evil.example", "/ui/\\evil", "/ui/a\r\nb", None]
)
def test_signing_in_never_leads_to_another_site(path: str | None) -> None:
    assert safe_next_path(path) == "/ui/week"


def test_signing_in_leads_to_the_requested_page(own_service: Any) -> None:  # noqa: ANN401
    page = own_service.send("GET", "/ui/customers/a%3Fb?x=1", "", follow_redirects=False)
    assert page.headers["location"] == "/ui/login?next=%2Fui%2Fcustomers%2Fa%253Fb%3Fx%3D1"
    form = own_service.send("POST", "/ui/week/issue", "", follow_redirects=False)
    assert form.headers["location"] == "/ui/login?next=%2F"


def test_a_form_is_accepted_only_from_a_page_of_the_same_session(visitor: Visitor) -> None:
    own = visitor.csrf()
    other = Visitor(visitor.service).csrf()
    for csrf in ("", other, own[:-1] + "x", "é"):
        assert visitor.post("week/issue", {"csrf": csrf}).status_code == 403
    assert visitor.post("week/issue", {"csrf": own}, sec_fetch_site="cross-site").status_code == 403
    assert visitor.post("week/issue", {"csrf": own}, origin="https://evil.example").status_code == 403
    assert visitor.post("week/issue", {"csrf": own}, origin="http://[").status_code == 403
    behind_proxy = {"sec_fetch_site": "same-origin", "origin": "https://holdfast.example"}
    assert visitor.post("week/issue", {"csrf": own}, **behind_proxy).status_code == 303


def test_a_list_is_issued_with_the_requested_budget_or_not_at_all(visitor: Visitor) -> None:
    csrf = visitor.csrf()
    for form in (
        {"budget": "5"},
        {"kind": "win_back", "budget": "abc"},
        {"kind": "win_back", "budget": "1,000"},
        {"kind": "win_back", "budget": "-5"},
    ):
        assert visitor.post("week/issue", form | {"csrf": csrf}).status_code == 422
    issued = visitor.post("week/issue", {"csrf": csrf, "kind": "win_back", "budget": "12.5"})
    assert issued.status_code == 303
    page = visitor.get(issued.headers["location"].removeprefix("/ui/"))
    assert re.search(r"<strong>(\d+)</strong> to act on", page.text).group(1) == "25"  # type: ignore[union-attr]


def test_a_budget_is_shown_without_separators_or_a_negative_zero(visitor: Visitor) -> None:
    page = visitor.get("week?kind=win_back&budget=1234567").text
    assert 'name="budget" value="1234567"' in page
    assert "-0.00" not in visitor.get("week?kind=win_back&budget=-0").text


def test_a_customer_who_objected_is_in_no_row_sum_card_or_file(visitor: Visitor) -> None:
    service, page = visitor.service, visitor.get("week?kind=at_risk").text
    before = int(re.search(r"<strong>([\d,]+)</strong> to act on", page).group(1))  # type: ignore[union-attr]
    list_id = re.search(r"list_id=(at_risk[^&\"]+)", page).group(1)  # type: ignore[union-attr]
    rows = pl.read_csv(visitor.download(list_id).content, infer_schema=False)
    customer = rows.filter(arm="treated").row(0, named=True)
    service.client.post("/suppressions", json={"customer_id": customer["customer_id"]})
    page = visitor.get("week?kind=at_risk").text
    assert int(re.search(r"<strong>([\d,]+)</strong> to act on", page).group(1)) == before - 1  # type: ignore[union-attr]
    assert f'<div class="big">{before - 1}</div>' in page
    filters = f"segment={customer['loyalty_segment']}&stage={customer['lifecycle_stage']}"
    group = {name: customer[name] for name in ("loyalty_segment", "lifecycle_stage")}
    remaining = rows.filter(arm="treated", **group).height - 1
    assert f"<strong>{remaining}</strong> to act on" in visitor.get(f"week?kind=at_risk&{filters}").text
    service.client.delete(f"/customers/{rows.filter(arm='treated')['customer_id'][1]}")
    assert f"<strong>{before - 2}</strong> to act on" in visitor.get("week?kind=at_risk").text


def test_held_out_customers_are_not_to_be_contacted_and_in_no_file_to_act_on(visitor: Visitor) -> None:
    page = visitor.get("week?kind=at_risk").text
    files = re.findall(r'href="/ui/(week/download[^"]+format=csv[^"]*)"', page)
    assert len(files) == 1
    treated = pl.read_csv(visitor.get(f"{html.unescape(files[0])}&confirmed=2025-02-10").content, infer_schema=False)
    assert set(treated["arm"]) == {"treated"}
    list_id = treated["list_id"][0]
    all_rows = pl.read_csv(visitor.download(list_id).content, infer_schema=False)
    held_out = all_rows.filter(arm="control")["customer_id"]
    assert len(held_out) > 0
    card = visitor.get(f"customers/{held_out[0]}").text
    assert "Do not contact" in card
    assert f"Held out by {list_id}" in card
    assert "Do not contact" not in visitor.get(f"customers/{treated['customer_id'][0]}").text


def test_the_page_shows_that_another_customer_of_the_household_is_held_out_or_was_contacted(visitor: Visitor) -> None:
    state = visitor.service.state
    with state.engine.connect() as connection:
        run = current_run(connection)
    at_risk, win_back = (
        pl.read_csv(visitor.download(list_id).content, infer_schema=False)
        for list_id in (effective_list(state.engine, kind, week_of(run.as_of)).list_id for kind in ("at_risk", "win_back"))  # type: ignore[union-attr]
    )
    others = win_back.filter(arm="treated")["customer_id"].head(2).to_list()
    listed = [at_risk.filter(arm=arm)["customer_id"][0] for arm in ("control", "treated")]
    households = [(customer, unit, unit, None) for pair in (listed, others) for customer, unit in zip(pair, "uv", strict=True)]
    write_rows(state.engine, unit_table(run.run_id), pl.DataFrame(households, schema=UNIT_COLUMNS, orient="row"))
    held, paused = (visitor.get(f"customers/{customer}").text for customer in others)
    assert "Do not contact" in held
    assert f"The household is held out by {at_risk['list_id'][0]} until" in held
    assert f"Another customer of the household was contacted through {at_risk['list_id'][0]}; no further contact before" in paused


def test_the_page_of_another_weeks_list_does_not_offer_to_issue_one(visitor: Visitor) -> None:
    state = visitor.service.state
    later = make_list(state.settings, state.engine, ListKind.AT_RISK, week="2030-W01")
    issued, _, *_ = issue(state.settings, state.engine, later, "tests", utc_now())
    page = visitor.get(f"week?list_id={issued.list_id}&budget=3").text
    assert "The list below is of 2030-W01, not of this week." in page
    assert "Issue a list for" not in page
    assert "Issue a list for" in visitor.get("week?kind=at_risk&budget=3").text


@pytest.mark.parametrize(
    "path",
    [
        "week?segment=%00",
        "week?kind=nothing",
        "week?list_id=%00",
        "week/download?list_id=x&format=json",
        "charts/groups.svg?by=customer_id",
        f"customers/{'x' * 300}",
    ],
)
def test_invalid_parameters_are_refused(visitor: Visitor, path: str) -> None:
    response = visitor.get(path)
    assert response.status_code in {404, 422}
    assert response.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "path", ["week?after=", "week?after=10000000", "week?after=-1", "week?budget=", "week?budget=%20", "customers?customer_id="]
)
def test_empty_and_malformed_fields_are_ignored(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status_code in {200, 303}


def test_missing_lists_and_files_are_pages_not_json(visitor: Visitor) -> None:
    for path in ("week?list_id=none", "static/../paths.py", "static/none.css", "nothing", "charts/budget.svg?list_id=none"):
        response = visitor.get(path)
        assert response.status_code == 404
        assert "<h1>Not found</h1>" in response.text
    assert visitor.service.send("GET", "/ui/static/holdfast.css", "").headers["cache-control"] == "max-age=3600"


def test_the_audit_records_reads_of_customer_pages_and_charts(visitor: Visitor) -> None:
    for path in ("customers/000001", *(f"charts/{name}.svg?customer_id=000001" for name in ("brands", "history", "survival"))):
        assert visitor.get(path).status_code == 200
    with visitor.service.state.engine.connect() as connection:
        entries = connection.execute(sa.select(AUDIT.c.what, AUDIT.c.subject).where(AUDIT.c.what == "customer read")).all()
    assert len(entries) == 4
    assert "000001" not in str(entries)


def test_any_brand_name_can_be_drawn(visitor: Visitor) -> None:
    path = good_path(visitor.service.state.settings.workspace.path, "transactions")
    brands = ["$\\frac$", "5$ and 10$", "a\x01b", "<script>alert(1)</script>", "商店", "x" * 3_000]
    rows = pl.read_parquet(path)
    is_customer = pl.col("customer_id") == "000001"
    brand = pl.lit(pl.Series(brands)).gather(pl.int_range(pl.len()) % len(brands))
    rows.with_columns(pl.when(is_customer).then(brand).otherwise("brand").alias("brand")).write_parquet(path)
    chart = visitor.get("charts/brands.svg?customer_id=000001")
    assert chart.status_code == 200
    assert "sandbox" in chart.headers["content-security-policy"]
    assert not [element for element in ET.fromstring(chart.content).iter() if element.tag.endswith("script")]  # noqa: S314  # our own
    page = visitor.get("customers/000001").text
    assert "<script>alert" not in page


def test_a_key_used_for_the_pages_is_listed_like_others(visitor: Visitor) -> None:
    assert any(visitor.key.split("_")[1] == key.key_id for key in list_keys(visitor.service.state.engine))
    assert COOKIE in visitor.cookie


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("localhost:3000", True),
        ("127.0.0.1", True),
        ("[::1]:3000", True),
        ("evil.example:3000", False),
        ("127.evil", False),
        ("", False),
    ],
)
def test_development_mode_answers_to_names_of_this_machine_only(host: str, is_own: bool) -> None:  # noqa: FBT001
    assert is_loopback_host(host) is is_own
