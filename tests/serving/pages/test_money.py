"""Money on the pages, in files and in the API: parts that add up, answered budgets, and gains beside what trials found."""

import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from serving.lists.issuing import issue
from serving.lists.weekly import make_list
from serving.schemas.list_kind import ListKind
from serving.store.lists.issued import IssuedList
from serving.store.schema import LISTS
from settings.clock import utc_now

FORMATS = ("xlsx", "csv", "parquet")
NUMBER = r"(-?[\d,.]*\d)"


def read(text: str) -> float:
    return float(text.replace(",", ""))


def get(service: Any, path: str) -> Any:  # noqa: ANN401  # a fixture and httpx's own type
    """Return a page, read in a session of its own."""
    login = service.send("POST", "/ui/login", "", data={"key": service.key("list", "issue")}, follow_redirects=False)
    cookie = login.headers["set-cookie"].partition(";")[0]
    return service.send("GET", f"/ui/{path}", "", headers={"cookie": cookie}, follow_redirects=False)


def measure(service: Any, mean: float, low: float, high: float) -> IssuedList:  # noqa: ANN401  # a fixture
    """Let the champion's trial have measured another effect, and return an at-risk list issued with it."""
    state = service.state
    path: Path = state.settings.workspace.path / "champion" / "1" / "champion.json"
    champion = json.loads(path.read_text(encoding="utf-8"))
    (response,) = champion["effects_of_contacts"]["responses"]
    response["effect"] |= {"mean": mean, "low": low, "high": high}
    path.write_text(json.dumps(champion), encoding="utf-8")
    weekly = make_list(state.settings, state.engine, ListKind.AT_RISK, budget=20.0)
    return issue(state.settings, state.engine, weekly, "ann", utc_now()).issued


def test_what_all_would_bring_if_none_left_is_the_sum_of_what_is_expected_and_what_will_be_lost(service: Any) -> None:  # noqa: ANN401
    text = get(service, "segments").text
    sentence = re.search(
        rf"would bring {NUMBER} EUR if no customer left: {NUMBER} EUR is expected, and {NUMBER} EUR will probably be lost", text
    )
    assert sentence is not None
    total, expected, lost = map(read, sentence.groups())
    assert total == expected + lost
    titles = ("Value if all stayed, EUR", "Expected, EUR", "Probably lost, EUR")
    cells = "".join(rf'<td role="cell" data-label="{title}" class="n">([\d,]+)</td>' for title in titles)
    rows = re.findall(f"{cells}</tr>", text)
    assert len(rows) > 5
    assert all(read(row[0]) == read(row[1]) + read(row[2]) for row in rows)
    assert "at risk:" not in text


def test_the_card_says_what_the_customer_is_worth_and_no_interval_without_its_mean(service: Any) -> None:  # noqa: ANN401
    ids = service.client.get("/lists/at_risk").json()["rows"][:20]
    for customer in {row["customer_id"] for row in ids}:
        score = service.client.post("/score", json={"customer_ids": [customer]}).json()["scores"][0]
        text = get(service, f"customers/{customer}").text
        assert "Worth " in text
        worth = score["expected_value"] + score["value_at_risk"]
        assert worth == pytest.approx(score["value_if_stays"])
        holds_mean = score["value_low"] <= score["expected_value"] <= score["value_high"]
        assert ("80 % interval over" in text) == (holds_mean and score["value_high"] > 0)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("-5", "-5 is below 0: type an amount of 0 or more."),
        ("abc", "abc is not an amount: type digits, such as 250.50."),
        ("1e3", "1e3 is not written as an amount: type 1000."),
        ("1.000", "1.000 may mean 1000 or 1.00: type 1000, or 1.00."),
        ("nan", "nan is not an amount: type digits, such as 250.50."),
    ],
)
def test_a_typed_budget_that_is_no_amount_is_answered_beside_its_field(service: Any, typed: str, answer: str) -> None:  # noqa: ANN401
    page = get(service, f"week?kind=at_risk&budget={typed}")
    assert page.status_code == 422
    assert f'id="budget-problem" role="alert">{answer}' in page.text
    assert f'value="{typed}"' in page.text
    assert 'aria-invalid="true"' in page.text
    assert "Issue a list for" not in page.text


@pytest.mark.parametrize(
    ("typed", "shown"), [("1.000,50", "1,000.50"), ("1,000.50", "1,000.50"), ("594.50", "594.50"), ("12,5", "12.50"), ("7", "7")]
)
def test_a_typed_budget_is_understood_and_shown_with_its_cents(service: Any, typed: str, shown: str) -> None:  # noqa: ANN401
    page = get(service, f"week?kind=at_risk&budget={typed}")
    assert page.status_code == 200
    assert f"Issue a list for {shown} EUR" in page.text
    assert ("is more than all actions cost" in page.text) == (read(shown) > 100)


def test_a_contradicted_gain_is_two_digits_and_its_range_wherever_it_is_shown(own_service: Any) -> None:  # noqa: ANN401
    issued = measure(own_service, mean=-0.001, low=-0.020, high=-0.001)
    head = own_service.client.get(f"/lists/at_risk?list_id={issued.list_id}").json()["list"]
    evidence = head["evidence"]
    assert evidence["verdict"] == "contradicted"
    assert evidence["low"] < evidence["high"] < 0 < evidence["expected_gain"]
    assert "the trial contradicts the assumption" in evidence["sentence"]
    text = get(own_service, f"week?kind=at_risk&list_id={issued.list_id}").text
    assert evidence["sentence"] in text
    assert f"{evidence['expected_gain']:,.2f}" not in text
    assert (
        len(re.findall(r"Assumed gain about [-\d,.]+ EUR over 365 days; by the measured effect -[-\d,.]+ to -[-\d,.]+", text))
        == 2
    )
    cost, decision = re.search(r'<p class="figures">Cost <strong>([-\d,.]+) EUR</strong>. (.*?)</p>', text).groups()  # type: ignore[union-attr]
    assert cost
    assert re.fullmatch(
        r".*>Assumed gain</a>.* <strong>about [-\d,.]+ EUR</strong> over 365 days; "
        r"by the measured effect <strong>-[-\d,.]+ to -[-\d,.]+ EUR</strong>\.",
        decision,
    )
    assert "Own contacts contradict the assumed effect." in text
    assert re.search(r"Assumed gain, EUR<span", text)
    assert re.search(r'Assumed profit over 365 days</dt><dd id="profit"><strong>about ', text)
    assert '<dd id="profit-range">-' in text


def test_every_file_says_what_the_trial_found(own_service: Any) -> None:  # noqa: ANN401
    issued = measure(own_service, mean=-0.001, low=-0.020, high=-0.001)
    files = {name: own_service.client.get(f"/lists/at_risk?list_id={issued.list_id}&format={name}").content for name in FORMATS}
    with zipfile.ZipFile(io.BytesIO(files["xlsx"])) as workbook:
        texts = workbook.read("xl/sharedStrings.xml").decode()
    head = next(text for text in re.findall(r"<t[^>]*>([^<]*)</t>", texts) if text.startswith("p_churn is the probability"))
    assert "the trial contradicts the assumption" in head
    parquet, csv = pl.read_parquet(io.BytesIO(files["parquet"])), pl.read_csv(io.BytesIO(files["csv"]))
    for rows in (parquet, csv):
        assert rows["evidence"].unique().to_list() == ["contradicted"]
        assert (rows["gain_low"] < rows["expected_gain"]).all()
        assert (rows["gain_low"] <= rows["gain_high"]).all()
    evidence = issued.figures["evidence"]
    assert parquet.filter(arm="treated")["gain_low"].sum() == pytest.approx(evidence["low"])


def test_a_list_of_an_earlier_version_takes_the_trials_of_its_champion(own_service: Any) -> None:  # noqa: ANN401
    issued = measure(own_service, mean=-0.001, low=-0.020, high=-0.001)
    old = {name: value for name, value in issued.figures.items() if name not in {"evidence", "value_horizon_days"}}
    old["curve"] = {name: value for name, value in old["curve"].items() if not name.startswith("profit_")}
    with own_service.state.engine.begin() as connection:
        connection.execute(LISTS.update().where(LISTS.c.list_id == issued.list_id).values(summary=json.dumps(old)))
    assert own_service.client.get(f"/lists/at_risk?list_id={issued.list_id}").json()["list"]["evidence"] is None
    assert "the trial contradicts the assumption" in get(own_service, f"week?list_id={issued.list_id}").text
    csv = own_service.client.get(f"/lists/at_risk?list_id={issued.list_id}&format=csv").content
    assert pl.read_csv(io.BytesIO(csv))["evidence"].unique().to_list() == ["contradicted"]
