"""Checks of the outputs of Holdfast: features, snapshots, scores, lists."""

import io
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console

from expectations.check import Check, Finding, Measure
from expectations.history.loads import read_check_history
from expectations.measures.drift import bin_shares, population_stability_index
from expectations.suites import lists
from expectations.validation.outputs import OutputRefusedError, check_output
from holdfast.printing.checks import print_warnings
from settings.errors import SettingsError
from settings.load import load_settings
from settings.sections import Settings

NOW = datetime(2026, 1, 1)
DAY = date(2026, 1, 1)
LOYALTY = {"p_hard_core": [0.25, None], "p_split": [0.25, None], "p_shifting": [0.5, None], "p_switcher": [0.0, None]}
FEATURES = pl.DataFrame(
    {"customer_id": ["a", "b"], "as_of": [DAY] * 2, "orders": [2.0, 1.0], "frequency": [1.0, 0.0], "recency": [5.0, 0.0],
     "T": [9.0, 7.0], "rating_mean": [4.0, None]} | LOYALTY
)  # fmt: skip
SNAPSHOTS = pl.DataFrame(
    {"customer_id": ["a", "a", "b"], "as_of": [date(2025, 6, 1), date(2025, 9, 1), date(2025, 9, 1)], "churned": [0, 1, 0],
     "next_orders": [1, 0, 2], "next_spend": [5.0, 0.0, 7.0], "closed_on": [date(2025, 9, 1), DAY, DAY],
     "trained_as_of": [DAY] * 3}
)  # fmt: skip
SCORES = pl.DataFrame(
    {"customer_id": ["a", "b", "c"], "as_of": [DAY] * 3, "scored_at": [NOW] * 3, "model_version": ["1"] * 3,
     "status": ["existing", "former", "prospect"], "p_churn": [0.2, 0.9, None], "p_alive": [0.9, 0.2, None],
     "churn_percentile": [100.0, None, None], "value_low": [0.0, 0.0, None], "expected_value": [5.0, 1.0, None],
     "value_high": [9.0, 2.0, None], "next_order_low": [DAY, None, None], "next_order_date": [DAY, None, None],
     "next_order_high": [DAY, None, None], "p_churn_low": [0.1, 0.8, None], "p_churn_high": [0.3, 0.95, None],
     "p_no_order_30": [0.6, 0.95, None], "p_no_order_90": [0.2, 0.9, None], "no_score_reason": [None, None, "prospect"]}
    | {name: [0.25, 0.25, None] for name in LOYALTY}
)  # fmt: skip
LIST = pl.DataFrame(
    {"list_id": ["at_risk-2025-W49-run1"] * 2, "customer_id": ["a", "b"],
     "data_as_of": [DAY] * 2, "rank": [1, 2], "p_churn": [0.6, 0.7], "expected_gain": [5.0, 4.0],
     "arm": ["treated", "control"], "reason_1": ["x", "y"]}
)  # fmt: skip
NEXT_STEPS = {"features": "used", "snapshots": "used", "scores": "published", "lists": "issued"}
GOOD = {"features": FEATURES, "snapshots": SNAPSHOTS, "scores": SCORES, "lists": LIST}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\n')
    return load_settings(tmp_path / "holdfast.toml", {})


@pytest.mark.parametrize("name", GOOD)
def test_a_good_output_has_no_warnings(settings: Settings, name: str) -> None:
    assert check_output(settings, name, GOOD[name].lazy(), NOW) == []


@pytest.mark.parametrize(
    ("name", "fault", "message"),
    [
        ("features", pl.lit("a").alias("customer_id"), "Every customer has one row; found 1"),
        ("features", pl.lit(1.0).alias("T"), "recency is at most T"),
        ("features", pl.lit(0.0).alias("frequency"), "recency is 0 where frequency is 0"),
        ("features", pl.lit(-1.0).alias("orders"), "never negative"),
        ("features", pl.lit(0.9).alias("p_split"), "sum to 1"),
        ("features", pl.lit(float("inf")).alias("rating_mean"), "Every number is finite"),
        ("snapshots", pl.lit(date(2025, 9, 1)).alias("as_of"), "one row per as-of date"),
        ("snapshots", pl.lit(None, pl.Float64).alias("next_spend"), "Every row has its labels"),
        ("snapshots", pl.lit(1).alias("churned"), "churned is 1 without a purchase"),
        ("snapshots", pl.lit(date(2026, 1, 2)).alias("closed_on"), "Every window was closed"),
        ("scores", pl.lit("a").alias("customer_id"), "Every customer has one row"),
        ("scores", pl.lit(1.2).alias("p_churn"), "Every probability is between 0 and 1"),
        ("scores", pl.lit(float("nan")).alias("p_alive"), "Every probability is between 0 and 1"),
        ("scores", pl.lit(10.0).alias("value_low"), "value_low is at most value_high"),
        ("scores", pl.lit(date(2026, 2, 1)).alias("next_order_low"), "are in ascending order"),
        ("scores", pl.lit(0.25).alias("p_churn_low"), "p_churn lies between p_churn_low and p_churn_high"),
        ("scores", pl.lit(0.99).alias("p_no_order_90"), "falls with the number of days; found 2"),
        ("scores", pl.lit(None, pl.Float64).alias("p_churn"), "Rows without p_churn have a no_score_reason"),
        ("scores", pl.lit("prospect").alias("no_score_reason"), "Rows without p_churn have a no_score_reason"),
        ("scores", pl.col("customer_id").alias("model_version"), "the same in every row"),
        ("lists", pl.lit("a").alias("customer_id"), "Every customer is on the list once"),
        ("lists", pl.lit(-0.1).alias("p_churn"), "Every p_churn is between 0 and 1"),
        ("lists", pl.col("expected_gain").reverse().alias("expected_gain"), "Ranks increase by one"),
        ("lists", pl.lit("held").alias("arm"), "treated or control"),
    ],
)
def test_an_inconsistent_output_is_refused(settings: Settings, name: str, fault: pl.Expr, message: str) -> None:
    with pytest.raises(
        OutputRefusedError, match=f"{name.capitalize()} failed validation and were not {NEXT_STEPS[name]}"
    ) as error:
        check_output(settings, name, GOOD[name].with_columns(fault).lazy(), NOW)
    assert message in str(error.value)
    assert not read_check_history(settings.workspace.path)[-1].usable


def test_a_feature_that_is_empty_for_the_first_time_causes_a_warning(settings: Settings) -> None:
    check_output(settings, "features", FEATURES.lazy(), NOW)
    warnings = check_output(settings, "features", FEATURES.with_columns(rating_mean=pl.lit(None, pl.Float64)).lazy(), NOW)
    assert [(warning.check.name, warning.measure.detail) for warning in warnings] == [("emptied_columns", "rating_mean")]


def scoring_run(p_churn: list[float], day: date = DAY) -> pl.LazyFrame:
    ids = [str(number) for number in range(len(p_churn))]
    other_columns = SCORES.head(1).drop("customer_id", "p_churn", "p_churn_low", "p_churn_high", "as_of")
    customers = pl.DataFrame({"customer_id": ids, "p_churn": p_churn, "as_of": [day] * len(ids)})
    customers = customers.with_columns(pl.col("p_churn").alias("p_churn_low"), pl.col("p_churn").alias("p_churn_high"))
    return customers.join(other_columns, how="cross").lazy()


def test_scores_that_drift_cause_a_warning_and_are_accepted(settings: Settings) -> None:
    uniform = [number / 100 for number in range(100)]
    check_output(settings, "scores", scoring_run(uniform), NOW)
    assert check_output(settings, "scores", scoring_run(uniform[::-1], date(2026, 1, 8)), NOW) == []
    warnings = check_output(settings, "scores", scoring_run([p * p for p in uniform], date(2026, 1, 15)), NOW)
    assert [warning.check.name for warning in warnings] == ["drift_p_churn"]


def test_a_run_is_compared_only_with_runs_of_earlier_days(settings: Settings) -> None:
    check_output(settings, "scores", scoring_run([0.1] * 50), NOW)
    assert check_output(settings, "scores", scoring_run([0.9] * 10, date(2025, 1, 1)), NOW) == []


def test_a_smaller_run_causes_a_warning_or_the_configured_refusal(settings: Settings, tmp_path: Path) -> None:
    check_output(settings, "scores", scoring_run([0.1, 0.9] * 50), NOW)
    warnings = check_output(settings, "scores", scoring_run([0.1, 0.9] * 30), NOW)
    assert [warning.check.name for warning in warnings] == ["volume_shrink"]
    config = tmp_path / "holdfast.toml"
    config.write_text(config.read_text() + '[checks.scores.severity]\nvolume_shrink = "stop"\n')
    with pytest.raises(OutputRefusedError, match="found 33"):
        check_output(load_settings(config, {}), "scores", scoring_run([0.1, 0.9] * 10), NOW)
    config.write_text(config.read_text().replace("volume_shrink", "volume"))
    with pytest.raises(SettingsError, match=r"Unknown key checks\.scores\.severity\.volume"):
        check_output(load_settings(config, {}), "scores", scoring_run([0.1]), NOW)


def test_bin_shares_and_population_stability_index_by_hand() -> None:
    assert bin_shares(pl.Series([0.05, 0.1, 0.15, 0.95]), [0.1, 0.5]) == [0.25, 0.5, 0.25]
    assert bin_shares(pl.Series([], dtype=pl.Float64), [0.5]) == [0, 0]
    assert population_stability_index([0.5, 0.5], [0.5, 0.5]) == 0
    assert population_stability_index([0.5, 0.5], [0.75, 0.25]) == pytest.approx(0.25 * 1.0986123, rel=1e-6)


def losing(arm: str, list_id: str) -> list[str]:
    """Return the failed checks of a list with one loss, in this arm and list."""
    loss = {"expected_gain": pl.lit(-1.0), "arm": pl.lit(arm), "list_id": pl.lit(list_id)}
    measures = lists.measures(GOOD["lists"].with_columns(**loss).lazy(), None)
    return [name for name, measure in measures.items() if name == "losing_rows" and measure.value]


def test_answers_and_held_out_rows_are_no_losing_rows() -> None:
    assert losing("treated", "at_risk-2026-W01-run1") == ["losing_rows"]
    assert losing("control", "at_risk-2026-W01-run1") == []
    assert losing("treated", "recovery-2026-W01-run1") == []


def test_every_finding_and_refusal_names_the_list_or_frame_that_it_is_about(settings: Settings) -> None:
    check_output(settings, "scores", scoring_run([0.1, 0.9] * 50), NOW)
    warnings = check_output(settings, "scores", scoring_run([0.1, 0.9] * 30), NOW)
    assert {finding.subject for finding in warnings} == {"scores as of 2026-01-01"}
    for name, subject in {"features": "features as of 2026-01-01", "lists": "lists as of 2026-01-01"}.items():
        with pytest.raises(OutputRefusedError, match=rf"This is about the {subject}\.$"):
            check_output(settings, name, GOOD[name].with_columns(customer_id=pl.lit("a")).lazy(), NOW)
    with pytest.raises(OutputRefusedError, match=r"This is about the recovery list of 2026-W01\.$"):
        check_output(
            settings, "lists", GOOD["lists"].with_columns(arm=pl.lit("held")).lazy(), NOW, about="recovery list of 2026-W01"
        )


def test_a_printed_warning_names_its_list() -> None:
    out = io.StringIO()
    finding = Finding(Check("losing_rows", "No row loses", high=0), Measure(2), passed=False)
    for subject in ("at_risk list of 2026-W01", ""):
        print_warnings(Console(file=out, width=200), "lists", [replace(finding, subject=subject)])
    assert out.getvalue().splitlines() == [
        "at_risk list of 2026-W01, losing_rows: No row loses; found 2.",
        "lists, losing_rows: No row loses; found 2.",
    ]
