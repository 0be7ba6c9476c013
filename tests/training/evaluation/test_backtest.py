import json
import re
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.frames.encoded import encode_tables
from features.tables.schema import Tables
from holdfast.demo.simulated.shop import Shop, simulate
from models.churn.base_rate import BaseRateCandidate
from models.churn.recency_rule import RecencyRule, RecencyRuleCandidate
from models.registry import CANDIDATES, VALUE_CANDIDATES, find_candidate
from models.snapshot import Snapshot
from models.value.hybrid import HybridValueCandidate
from settings.sections import Loyalty
from training.contestants import Contestants
from training.data.snapshots import build_snapshots, closed_before, cut_offs
from training.evaluation import backtest as module
from training.evaluation.backtest import SegmentError, backtest
from training.evaluation.leaderboard import leaderboard


def quiet(_stage: str, _done: int, _total: int) -> None:
    """Ignore the progress."""


@pytest.fixture(scope="module")
def shop() -> Shop:
    return simulate(700, 84, seed=8)


@pytest.fixture(scope="module")
def tables(shop: Shop) -> Tables:
    return Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})


@pytest.fixture(scope="module")
def snapshots(shop: Shop, tables: Tables) -> list[Snapshot]:
    return build_snapshots(
        tables, encode_tables(tables), shop.as_of, horizon_days=91, active_days=365, loyalty=Loyalty(), progress=quiet
    )


def test_windows_close_by_the_as_of_date_with_a_horizon_of_orders_before_each() -> None:
    first, as_of = date(2024, 1, 1), date(2025, 1, 1)
    days = cut_offs(first, as_of, 90)
    assert days[-1] == as_of - timedelta(days=90)
    assert all(second - earlier == timedelta(days=30) for earlier, second in pairwise(days))
    assert days[0] - first >= timedelta(days=90)
    assert cut_offs(first, date(2024, 4, 29), 90) == []


def test_without_a_window_before_any_day_candidates_that_learn_from_none_are_evaluated(
    snapshots: list[Snapshot], tables: Tables
) -> None:
    overlapping = [snapshot for snapshot in snapshots if snapshot.as_of < snapshots[0].closed_on]
    result = backtest(overlapping, tables, Contestants(), quiet)
    assert result.origins == [overlapping[-1].as_of]
    assert result.candidates("p:") == ["order_average", "order_model"]
    assert "recency_rule" in result.limits
    board = leaderboard(result, overlapping[-1].closed_on, 91, intervals=True)
    assert [entry["candidate"] for entry in board["churn"]] == sorted(
        ["order_average", "order_model"], key=lambda name: next(e["log_loss"] for e in board["churn"] if e["candidate"] == name)
    )


def test_a_short_log_has_more_windows_with_less_before_them() -> None:
    first, as_of = date(2024, 1, 1), date(2024, 6, 1)
    days = cut_offs(first, as_of, 90)
    assert days[-1] == as_of - timedelta(days=90)
    assert days[0] - first >= timedelta(days=30)
    assert len(days) == 4
    assert len(cut_offs(first, date(2024, 5, 10), 90)) == 2


@pytest.mark.slow
def test_snapshots_do_not_depend_on_rows_after_the_as_of_date(shop: Shop, tables: Tables, snapshots: list[Snapshot]) -> None:
    later = tables.transactions.head(50).with_columns(
        pl.lit(shop.as_of).cast(pl.Datetime("us")).alias("ordered_at"), pl.lit(1e9).alias("amount")
    )
    extended = Tables(**(tables.present() | {"transactions": pl.concat([tables.transactions, later])}))
    rebuilt = build_snapshots(
        extended, encode_tables(extended), shop.as_of, horizon_days=91, active_days=365, loyalty=Loyalty(), progress=quiet
    )
    assert [snapshot.as_of for snapshot in rebuilt] == [snapshot.as_of for snapshot in snapshots]
    assert rebuilt[-1].frame.equals(snapshots[-1].frame)


@dataclass
class RecordingCandidate:
    """Record the snapshots of each fit, by the day that it is to predict."""

    name: str = "recording"
    fitted_on: dict[date, list[Snapshot]] = field(default_factory=dict)

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame) -> RecencyRule:
        self.fitted_on[current["as_of"][0]] = snapshots
        assert not {"churned", "next_spend", "order_wait"} & set(current.columns)
        return RecencyRuleCandidate().fit(snapshots, current)

    def load(self, folder: Path) -> RecencyRule:
        return RecencyRuleCandidate().load(folder)


def test_no_candidate_sees_a_window_that_was_open_at_the_origin(tables: Tables, snapshots: list[Snapshot]) -> None:
    candidate = RecordingCandidate()
    result = backtest(snapshots, tables, Contestants((candidate,), (), origins=3), quiet)
    assert sorted(candidate.fitted_on) == result.origins
    assert result.origins
    for origin, fitted_on in candidate.fitted_on.items():
        assert fitted_on
        assert all(snapshot.closed_on <= origin for snapshot in fitted_on)


def test_an_unknown_segment_is_refused(tables: Tables, snapshots: list[Snapshot]) -> None:
    with pytest.raises(SegmentError, match=r"training\.segments names 'colour', which is no column of the features"):
        backtest(snapshots, tables, Contestants(CANDIDATES[:1], (), segments=("colour",)), quiet)


def test_windows_of_different_origins_do_not_overlap(tables: Tables, snapshots: list[Snapshot]) -> None:
    origins = backtest(snapshots, tables, Contestants(CANDIDATES[:1], ()), quiet).origins
    assert all(later - earlier >= timedelta(days=91) for earlier, later in pairwise(origins))


@pytest.mark.slow
def test_every_candidate_is_evaluated_on_the_same_rows_best_first(shop: Shop, tables: Tables, snapshots: list[Snapshot]) -> None:
    result = backtest(snapshots, tables, Contestants(CANDIDATES, VALUE_CANDIDATES, origins=2, segments=("region",)), quiet)
    board = leaderboard(result, shop.as_of, 91, intervals=True)
    losses = [(-entry["origins"], entry["log_loss"]) for entry in board["churn"]]
    deviances = [(-entry["origins"], entry["tweedie_deviance"]) for entry in board["value"]]
    assert {entry["candidate"] for entry in board["churn"]} == {candidate.name for candidate in CANDIDATES}
    assert {entry["candidate"] for entry in board["value"]} == {candidate.name for candidate in VALUE_CANDIDATES}
    assert (losses, deviances) == (sorted(losses), sorted(deviances))
    assert board["value"][0]["candidate"] in {"hybrid", "bgnbd_gamma_gamma"}
    assert board["value"][-1]["candidate"] == "zero"
    best = board["churn"][0]
    low, high = best["against_baseline"]["log_loss"]
    assert low < best["log_loss"] - entry_of(board["churn"], "recency_rule")["log_loss"] < high
    assert set(best["by_origin"]) == set(board["origins"])
    assert {"one-time buyers", "repeat buyers"} <= set(best["by_segment"])
    assert len(best["by_own"]) > 1
    assert all(group.startswith("region: ") and figures["auc"] for group, figures in best["by_own"].items())
    hybrid, deciles = (entry_of(board["value"], name) for name in ("hybrid", "recency_deciles"))
    assert 0.02 < hybrid["above_high"] < 0.25
    assert hybrid["interval_score"] < deciles["interval_score"]


def entry_of(entries: list[dict[str, Any]], candidate: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["candidate"] == candidate)


def test_rows_carry_the_customer_for_resampling_and_the_leaderboard_does_not(
    shop: Shop, tables: Tables, snapshots: list[Snapshot]
) -> None:
    result = backtest(snapshots, tables, Contestants(CANDIDATES[:3], VALUE_CANDIDATES[:2], origins=2), quiet)
    assert result.frame is not None
    for (origin,), rows in result.frame.group_by("origin"):
        [snapshot] = [snapshot for snapshot in snapshots if snapshot.as_of == origin]
        assert rows.select("customer_id", "churned").equals(
            snapshot.frame.select("customer_id", pl.col("churned").cast(pl.Float64))
        )
    board = leaderboard(result, shop.as_of, 91, intervals=True)
    words = set(re.findall(r"\w+", json.dumps(board)))
    assert words.isdisjoint(result.frame["customer_id"].to_list())


@pytest.mark.slow
def test_intervals_treat_the_rows_of_a_customer_as_one_draw(tables: Tables, snapshots: list[Snapshot]) -> None:
    result = backtest(
        snapshots, tables, Contestants((find_candidate("recency_rule"), find_candidate("order_model")), (), origins=1), quiet
    )
    assert result.frame is not None
    repeated = replace(result, frame=pl.concat([result.frame] * 4))
    single, clustered = (
        entry_of(leaderboard(backtested, snapshots[-1].as_of, 91, intervals=True)["churn"], "order_model")
        for backtested in (result, repeated)
    )
    assert clustered["against_baseline"] == single["against_baseline"]
    assert clustered["log_loss"] == single["log_loss"]


def test_a_short_log_has_no_backtest_and_the_limits_name_every_candidate(shop: Shop, tables: Tables) -> None:
    board = leaderboard(backtest([], tables, Contestants(CANDIDATES), quiet), shop.as_of, 91)
    assert (board["origins"], board["churn"]) == ([], [])
    assert set(board["limits"]) == {candidate.name for candidate in CANDIDATES}


def test_orders_that_arrived_late_do_not_count_at_an_earlier_origin(tables: Tables, snapshots: list[Snapshot]) -> None:
    origin = snapshots[-1].as_of
    arrived = pl.lit(origin).cast(pl.Datetime("us"))
    late = pl.when(pl.col("ordered_at") >= snapshots[0].as_of).then(arrived).alias("ingested_at")
    delayed = Tables(**(tables.present() | {"transactions": tables.transactions.with_columns(late)}))
    then, now = (
        closed_before(snapshots, delayed, day)[0].frame["churned"].mean() for day in (origin, origin + timedelta(days=1))
    )
    assert (then, now) == (1.0, snapshots[0].frame["churned"].mean())


def test_a_value_candidate_that_cannot_be_fitted_is_dropped_with_the_reason(tables: Tables, snapshots: list[Snapshot]) -> None:
    without_spend = [replace(snapshot, frame=snapshot.frame.with_columns(next_spend=pl.lit(0.0))) for snapshot in snapshots]
    result = backtest(without_spend, tables, Contestants((), (HybridValueCandidate(),), origins=2), quiet)
    assert result.limits["value:hybrid"].startswith("A value model needs 100 customer windows")
    assert not [column for column in result.frame.columns if "hybrid" in column]  # type: ignore[union-attr]  # there are origins


@dataclass(frozen=True)
class Reversed:
    """A candidate that knows who churns, and says the opposite."""

    name: str = "reversed"

    def fit(self, _snapshots: list[Snapshot], _current: pl.DataFrame) -> "Reversed":
        return self

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        return (1 - frame["btyd_p_no_order"]).alias("p_churn")


def test_the_backtest_fits_only_those_on_older_days_that_are_not_behind(
    monkeypatch: pytest.MonkeyPatch, snapshots: list[Snapshot], tables: Tables
) -> None:
    steps: list[tuple[int, int]] = []
    contestants = Contestants((BaseRateCandidate(), RecencyRuleCandidate(), Reversed()), (), origins=4)  # type: ignore[arg-type]
    result = backtest(snapshots, tables, contestants, lambda _stage, done, total: steps.append((done, total)))
    assert len(result.origins) == steps[-1][0] == steps[-1][1] == 4
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert "p:reversed" in result.behind
    fitted = result.rows_with("p:reversed")["origin"].unique().sort().to_list()
    assert fitted == result.origins[-2:]
    board = leaderboard(result, snapshots[-1].closed_on, 91)
    assert "reversed" in board["behind"]
    assert {entry["candidate"]: entry["origins"] for entry in board["churn"]}["recency_rule"] == 4
    monkeypatch.setattr(module, "clearly_behind", lambda *_: set())
    everything = backtest(snapshots, tables, contestants, lambda *_: None)
    assert everything.rows_with("p:reversed")["origin"].n_unique() == 4
    kept = [column for column in result.rows_with().columns if column not in result.behind]
    assert everything.rows_with().select(kept).equals(result.rows_with().select(kept))
