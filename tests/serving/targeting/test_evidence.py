"""What trials say about assumed effects: the verdict, the range of gain, and words without a false figure."""

import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.track_record import TrackRecord
from serving.targeting.evidence import (
    Trial,
    Verdict,
    gains_at,
    list_evidence,
    trial_sentences,
    trials_of,
    verdicts_of,
    with_evidence,
)
from settings.sections import Action

DEMO = Trial(contacts=8868, mean=-0.001, low=-0.020, high=0.017)  # what the shop measured; it assumed +6.2 points
EFFECTS = st.floats(-0.5, 0.5)


def rows_of(p_churn: list[float], averted: float = 0.062, action: str = "retention", basis: str = "assumed") -> pl.DataFrame:
    """Return treated rows worth 100 more if the customer stays, at a cost of 1."""
    p = pl.Series("p_churn", p_churn, dtype=pl.Float64)
    gain = [averted * 100 - 1] * len(p)
    frame = pl.DataFrame({"p_churn": p, "value_at_risk": p * 100, "expected_gain": pl.Series(gain, dtype=pl.Float64)})
    return frame.with_columns(
        pl.lit(action).alias("action"), pl.lit(basis).alias("basis"), action_cost=pl.lit(1.0), averted=pl.lit(averted)
    )


@pytest.mark.parametrize(
    ("trial", "verdict"),
    [
        (DEMO, Verdict.CONTRADICTED),
        (Trial(900, 0.038, -0.042, 0.119), Verdict.WEAKENED),
        (Trial(900, 0.06, 0.02, 0.10), Verdict.SUPPORTED),
        (Trial(900, 0.10, 0.08, 0.12), Verdict.CONTRADICTED),
    ],
)
def test_a_trial_supports_weakens_or_contradicts_an_assumption(trial: Trial, verdict: Verdict) -> None:
    evidence = list_evidence(rows_of([0.6, 0.9]), {"retention": trial}, "EUR", 365)
    assert evidence.verdict is verdict
    assert evidence.is_assumed is (verdict is not Verdict.SUPPORTED)


def test_a_contradicted_list_says_what_was_measured_and_the_range_it_leaves() -> None:
    evidence = list_evidence(rows_of([0.6] * 1000), {"retention": DEMO}, "EUR", 365)
    assert evidence.sentence == (
        "The effect of retention is assumed: +6.2 points of retention per contact. "
        "8,868 own contacts with a control group showed -0.1 [-2.0, +1.7]: the trial contradicts the assumption. "
        "Assumed: about 5,200 EUR over 365 days. By the measured effect: -3,000 to 700."
    )
    assert (evidence.low, evidence.high) == (pytest.approx(-3000), pytest.approx(700))
    assert evidence.as_dict()["verdict"] == "contradicted"


def test_no_effect_averts_more_than_the_whole_risk() -> None:
    rows = with_evidence(rows_of([0.01, 0.6]), {"retention": Trial(900, 0.1, 0.05, 0.2)}, {})
    assert rows["gain_high"].to_list() == [pytest.approx(0.01 * 100 - 1), pytest.approx(0.2 * 100 - 1)]


def test_an_action_without_a_trial_is_untested_and_has_no_range() -> None:
    evidence = list_evidence(rows_of([0.5], action="recovery"), {"retention": DEMO}, "EUR", 365)
    assert (evidence.verdict, evidence.low, evidence.high) == (Verdict.UNTESTED, None, None)
    assert evidence.sentence == "The effect of recovery is assumed: no past contacts with a control group tested it."


def test_a_measured_effect_is_stated_as_such() -> None:
    evidence = list_evidence(rows_of([0.5], basis="measured"), {"retention": DEMO}, "EUR", 365)
    assert (evidence.verdict, evidence.is_assumed, evidence.low) == (Verdict.MEASURED, False, None)


def test_the_worst_verdict_of_several_actions_is_that_of_the_list() -> None:
    rows = pl.concat([rows_of([0.5]), rows_of([0.5], action="recovery"), rows_of([0.5], basis="measured")])
    evidence = list_evidence(rows, {"retention": DEMO}, "EUR", 365)
    assert evidence.verdict is Verdict.CONTRADICTED
    assert evidence.low == pytest.approx((-0.02 * 100 - 1) + 2 * 5.2)  # rows of other actions keep their expected gain
    assert "The effect of recovery is assumed: no past" in evidence.sentence


def test_an_empty_list_has_no_gain_to_judge() -> None:
    assert list_evidence(rows_of([]), {"retention": DEMO}, "EUR", 365).sentence.startswith("There is no customer to act on")


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), EFFECTS, EFFECTS, st.floats(0, 0.5))
def test_the_range_of_a_list_is_ordered_and_the_sum_of_its_rows(p: list[float], one: float, other: float, averted: float) -> None:
    trial = Trial(100, (one + other) / 2, min(one, other), max(one, other))
    rows = rows_of(p, averted)
    evidence = list_evidence(rows, {"retention": trial}, "EUR", 365)
    by_row = with_evidence(rows, {"retention": trial}, verdicts_of(rows, {"retention": trial}))
    assert evidence.low is not None
    assert evidence.high is not None
    assert evidence.low <= evidence.high
    assert (by_row["gain_low"].sum(), by_row["gain_high"].sum()) == (pytest.approx(evidence.low), pytest.approx(evidence.high))
    assert by_row["evidence"].unique().to_list() == [evidence.verdict.value]


@given(st.floats(0, 0.5), EFFECTS, EFFECTS)
def test_no_sentence_about_an_assumed_gain_has_more_than_two_significant_digits(averted: float, one: float, other: float) -> None:
    trial = Trial(100, (one + other) / 2, min(one, other), max(one, other))
    sentence = list_evidence(rows_of([0.7] * 777, averted), {"retention": trial}, "EUR", 365).sentence
    for figure in re.findall(r"-?[\d,.]*\d", sentence[sentence.index("Assumed: about") :].replace("365 days", "")):
        assert len(figure.lstrip("-").replace(",", "").replace(".", "").strip("0")) <= 2, sentence


def test_trials_belong_to_the_actions_that_name_their_contacts() -> None:
    response = {"action": "newsletter", "rows": 899, "effect": {"mean": 0.04, "low": -0.04, "high": 0.12, "above": 0.8}}
    actions = (Action("retention", "retention", 1.0, 0.1, measured_by="newsletter"), Action("recovery", "recovery", 1.0, 0.1))
    assert trials_of([response], actions) == {"retention": Trial(899, 0.04, -0.04, 0.12)}


def test_scores_say_what_trials_found_about_the_actions_that_they_recommend() -> None:
    scores = pl.DataFrame(
        {
            "action": ["retention", "none", "recovery"],
            "value_if_stays": [100.0, 100.0, 100.0],
            "value_if_leaves": [0.0, 0.0, 0.0],
            "expected_gain": [5.2, 0.0, 1.0],
            "action_cost": [1.0, 0.0, 1.0],
        }
    )
    sentences = trial_sentences(scores, {"retention": DEMO})
    assert len(sentences) == 1
    assert "+6.2 points of retention per contact. 8,868 own contacts" in sentences[0]


def test_the_gain_of_each_action_at_an_end_keeps_what_was_measured_for_a_customer() -> None:
    action = Action("mail", "retention", cost=1.0, save_rate=0.1)
    frame = pl.DataFrame(
        {"p_churn": [0.6, 0.6], "saved_value": [100.0, 100.0], "gain:mail": [5.0, 7.0], "averted:mail": [None, 0.08]}
    )
    assert np.allclose(gains_at(frame, (action,), {"mail": DEMO}, "low"), [[-3.0], [7.0]])
    assert np.allclose(gains_at(frame.drop("averted:mail"), (action,), {}, "low"), [[5.0], [7.0]])


@pytest.mark.parametrize(
    ("record", "start"),
    [
        (TrackRecord(90), "Never tested"),
        (TrackRecord(90, 4, 9_000, 5_000, 0.5, 0.48, 0.52), "Cannot rank"),
    ],
)
def test_no_gain_is_promised_where_forecasts_were_never_tested_or_cannot_rank(record: TrackRecord, start: str) -> None:
    evidence = list_evidence(rows_of([0.6, 0.9], basis="measured"), {"retention": DEMO}, "EUR", 365, record)
    assert evidence.sentence.startswith(start)
    assert not evidence.is_promised
    assert evidence.is_assumed
    assert evidence.as_dict()["is_promised"] is False


def test_a_tested_champion_changes_nothing_about_the_trials() -> None:
    record = TrackRecord(90, 4, 9_000, 5_000, 0.7, 0.68, 0.72)
    rows = rows_of([0.6, 0.9])
    assert list_evidence(rows, {"retention": DEMO}, "EUR", 365, record) == list_evidence(rows, {"retention": DEMO}, "EUR", 365)
