"""The pages as requests: who gets in, whose forms count, and what strange parameters do."""

import html
import re
import xml.etree.ElementTree as ET
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from features.storage.paths import good_path
from serving.http.auth import names_loopback
from serving.http.paths import COOKIE, safe_next
from serving.http.state import utc_now
from serving.lists.weekly import issue, make_list
from serving.schemas.list_kind import ListKind
from serving.store.keys import Scope, list_keys, revoke_key
from serving.store.schema import AUDIT, SESSIONS


class Visitor:
    """A browser of a kind: keeps its cookie, follows nothing."""

    def __init__(self, service: Any, *scopes: Scope) -> None:  # noqa: ANN401  # a fixture
        self.service, self.cookie = service, ""
        self.key = service.key(*(scopes or (Scope.LIST,)))
        found = self.post("login", {"key": self.key})
        self.cookie = found.headers.get("set-cookie", "").partition(";")[0]

    def get(self, path: str, **headers: str) -> Any:  # noqa: ANN401  # httpx's own type
        return self._ask("GET", path, headers=headers)

    def post(self, path: str, form: dict[str, str], **headers: str) -> Any:  # noqa: ANN401  # likewise
        return self._ask("POST", path, data=form, headers=headers)

    def csrf(self) -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]{64})"', self.get("week").text)
        assert found is not None
        return found.group(1)

    def _ask(self, method: str, path: str, headers: dict[str, str], **how: Any) -> Any:  # noqa: ANN401  # likewise
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        known = {"cookie": self.cookie} if self.cookie and "cookie" not in told else {}
        return self.service.ask(method, f"/ui/{path}", "", headers=known | told, follow_redirects=False, **how)


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


def test_other_cookies_of_the_host_do_not_lose_the_session(visitor: Visitor) -> None:
    for other in ('prefs={"a":1}', "x y", "u=a b c", "a@b=1", "Path=/", 'a="b c'):
        assert visitor.get("week", cookie=f"{other}; {visitor.cookie}").status_code == 200, other
        assert visitor.get("week", cookie=f"{visitor.cookie}; {other}").status_code == 200, other


def test_pages_and_routes_do_not_open_each_other(visitor: Visitor) -> None:
    assert visitor.service.ask("GET", "/lists", "", headers={"cookie": visitor.cookie}).status_code == 401
    assert visitor.service.ask("GET", "/ui/week", visitor.key, follow_redirects=False).status_code == 303
    refused = Visitor(visitor.service, Scope.SCORE)
    assert refused.cookie == ""
    assert "does not have the scope list" in refused.post("login", {"key": refused.key}).text


def test_signing_in_again_ends_the_session_before(visitor: Visitor) -> None:
    visitor.post("login", {"key": visitor.key})
    assert visitor.get("week").status_code == 303


def test_after_twenty_wrong_keys_a_minute_the_right_one_still_opens(visitor: Visitor) -> None:
    tried = [visitor.post("login", {"key": "hf_x_y"}).status_code for _ in range(22)]
    assert tried == [403] * 20 + [429] * 2
    assert visitor.post("login", {"key": visitor.key}).status_code == 303


def test_wrong_keys_of_any_form_show_the_form_again(visitor: Visitor) -> None:
    for form in ({}, {"key": ""}, {"key": "x" * 5_000}, {"key": "é"}):
        found = visitor.post("login", form)
        assert found.status_code == 403
        assert 'name="key"' in found.text


def test_the_cookie_is_secure_behind_https(visitor: Visitor) -> None:
    plain = visitor.post("login", {"key": visitor.key}).headers["set-cookie"]
    assert "HttpOnly" in plain
    assert "SameSite=lax" in plain
    assert "Secure" not in plain
    assert "Secure" in visitor.post("login", {"key": visitor.key}, x_forwarded_proto="https, http").headers["set-cookie"]


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "/ui//evil.example", "https://evil.example", "/ui/\\evil", "/ui/a\r\nb", None]
)
def test_signing_in_leads_nowhere_else(wanted: str | None) -> None:
    assert safe_next(wanted) == "/ui/week"


def test_what_was_asked_for_comes_after_signing_in(own_service: Any) -> None:  # noqa: ANN401
    stranger = own_service.ask("GET", "/ui/customers/a%3Fb?x=1", "", follow_redirects=False)
    assert stranger.headers["location"] == "/ui/login?next=%2Fui%2Fcustomers%2Fa%253Fb%3Fx%3D1"
    form = own_service.ask("POST", "/ui/week/issue", "", follow_redirects=False)
    assert form.headers["location"] == "/ui/login?next=%2F"


def test_a_form_counts_only_from_a_page_of_the_same_session(visitor: Visitor) -> None:
    own = visitor.csrf()
    other = Visitor(visitor.service).csrf()
    for csrf in ("", other, own[:-1] + "x", "é"):
        assert visitor.post("week/issue", {"csrf": csrf}).status_code == 403
    assert visitor.post("week/issue", {"csrf": own}, sec_fetch_site="cross-site").status_code == 403
    assert visitor.post("week/issue", {"csrf": own}, origin="https://evil.example").status_code == 403
    assert visitor.post("week/issue", {"csrf": own}, origin="http://[").status_code == 403
    behind_proxy = {"sec_fetch_site": "same-origin", "origin": "https://holdfast.example"}
    assert visitor.post("week/issue", {"csrf": own}, **behind_proxy).status_code == 303


def test_a_list_has_the_budget_that_was_asked_for_or_is_not_issued(visitor: Visitor) -> None:
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


def test_a_budget_is_shown_digit_by_digit(visitor: Visitor) -> None:
    page = visitor.get("week?kind=win_back&budget=1234567").text
    assert 'name="budget" value="1234567"' in page
    assert "-0.00" not in visitor.get("week?kind=win_back&budget=-0").text


def test_who_objected_is_in_no_row_sum_card_or_file(visitor: Visitor) -> None:
    service, page = visitor.service, visitor.get("week?kind=at_risk").text
    before = int(re.search(r"<strong>([\d,]+)</strong> to act on", page).group(1))  # type: ignore[union-attr]
    list_id = re.search(r"list_id=(at_risk[^&\"]+)", page).group(1)  # type: ignore[union-attr]
    rows = pl.read_csv(visitor.get(f"week/download?list_id={list_id}&format=csv").content, infer_schema=False)
    one = rows.filter(arm="treated").row(0, named=True)
    service.client.post("/suppressions", json={"customer_id": one["customer_id"]})
    told = visitor.get("week?kind=at_risk").text
    assert int(re.search(r"<strong>([\d,]+)</strong> to act on", told).group(1)) == before - 1  # type: ignore[union-attr]
    assert f'<div class="big">{before - 1}</div>' in told
    only = f"segment={one['loyalty_segment']}&stage={one['lifecycle_stage']}"
    left = rows.filter(arm="treated", loyalty_segment=one["loyalty_segment"], lifecycle_stage=one["lifecycle_stage"]).height - 1
    assert f"<strong>{left}</strong> to act on" in visitor.get(f"week?kind=at_risk&{only}").text
    service.client.delete(f"/customers/{rows.filter(arm='treated')['customer_id'][1]}")
    assert f"<strong>{before - 2}</strong> to act on" in visitor.get("week?kind=at_risk").text


def test_who_is_held_out_is_left_alone_and_in_no_file_to_act_on(visitor: Visitor) -> None:
    page = visitor.get("week?kind=at_risk").text
    files = re.findall(r'href="/ui/(week/download[^"]+format=csv[^"]*)"', page)
    assert len(files) == 1
    acted_on = pl.read_csv(visitor.get(html.unescape(files[0])).content, infer_schema=False)
    assert set(acted_on["arm"]) == {"treated"}
    list_id = acted_on["list_id"][0]
    every = pl.read_csv(visitor.get(f"week/download?list_id={list_id}&format=csv").content, infer_schema=False)
    held_out = every.filter(arm="control")["customer_id"]
    assert len(held_out) > 0
    card = visitor.get(f"customers/{held_out[0]}").text
    assert "Do not contact" in card
    assert f"Held out by {list_id}" in card
    assert "Do not contact" not in visitor.get(f"customers/{acted_on['customer_id'][0]}").text


def test_a_list_of_another_week_offers_no_list_of_this_one(visitor: Visitor) -> None:
    state = visitor.service.state
    later = make_list(state.settings, state.engine, ListKind.AT_RISK, week="2030-W01")
    one, _ = issue(state.engine, later, "tests", utc_now())
    page = visitor.get(f"week?list_id={one.list_id}&budget=3").text
    assert "Below is the list of 2030-W01, not of this week." in page
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
def test_strange_parameters_are_refused(visitor: Visitor, path: str) -> None:
    found = visitor.get(path)
    assert found.status_code in {404, 422}
    assert found.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "path", ["week?after=", "week?after=10000000", "week?after=-1", "week?budget=nan", "week?budget=", "customers?customer_id="]
)
def test_empty_and_odd_fields_are_taken_as_nothing(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status_code in {200, 303}


def test_missing_lists_and_files_are_pages_not_json(visitor: Visitor) -> None:
    for path in ("week?list_id=none", "static/../paths.py", "static/none.css", "nothing", "charts/budget.svg?list_id=none"):
        found = visitor.get(path)
        assert found.status_code == 404
        assert "<h1>Not found</h1>" in found.text
    assert visitor.service.ask("GET", "/ui/static/holdfast.css", "").headers["cache-control"] == "max-age=3600"


def test_who_looked_at_a_customer_is_kept_for_pictures_too(visitor: Visitor) -> None:
    for path in ("customers/000001", "charts/brands.svg?customer_id=000001", "charts/history.svg?customer_id=000001"):
        assert visitor.get(path).status_code == 200
    with visitor.service.state.engine.connect() as connection:
        told = connection.execute(sa.select(AUDIT.c.what, AUDIT.c.subject).where(AUDIT.c.what == "customer read")).all()
    assert len(told) == 3
    assert "000001" not in str(told)


def test_any_brand_name_can_be_drawn(visitor: Visitor) -> None:
    path = good_path(visitor.service.state.settings.workspace.path, "transactions")
    odd = ["$\\frac$", "5$ and 10$", "a\x01b", "<script>alert(1)</script>", "商店", "x" * 3_000]
    rows = pl.read_parquet(path)
    own = pl.col("customer_id") == "000001"
    named = pl.lit(pl.Series(odd)).gather(pl.int_range(pl.len()) % len(odd))
    rows.with_columns(pl.when(own).then(named).otherwise("brand").alias("brand")).write_parquet(path)
    picture = visitor.get("charts/brands.svg?customer_id=000001")
    assert picture.status_code == 200
    assert "sandbox" in picture.headers["content-security-policy"]
    assert not [each for each in ET.fromstring(picture.content).iter() if each.tag.endswith("script")]  # noqa: S314  # our own
    page = visitor.get("customers/000001").text
    assert "<script>alert" not in page


def test_the_keys_of_the_pages_are_listed_like_others(visitor: Visitor) -> None:
    assert any(visitor.key.split("_")[1] == each.key_id for each in list_keys(visitor.service.state.engine))
    assert COOKIE in visitor.cookie


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("localhost:3000", True),
        ("127.0.0.1", True),
        ("[::1]:3000", True),
        ("evil.example:3000", False),
        ("127.evil", False),
        ("", False),
    ],
)
def test_development_answers_to_the_names_of_this_machine_only(host: str, own: bool) -> None:  # noqa: FBT001
    assert names_loopback(host) is own
