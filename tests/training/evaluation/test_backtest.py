from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from features.frames.encoded import encode_tables
from features.tables.schema import Tables
from holdfast.demo.simulated.shop import Shop, simulate
from models.churn.recency_rule import RecencyRule, RecencyRuleCandidate
from models.registry import CANDIDATES, VALUE_CANDIDATES
from models.snapshot import Snapshot
from models.value.hybrid import HybridValueCandidate
from settings.sections import Loyalty
from training.data.snapshots import answered_before, build_snapshots, cut_offs
from training.evaluation.backtest import backtest
from training.evaluation.leaderboard import leaderboard, winner


def quiet(_stage: str, _done: int, _total: int) -> None:
    """Say nothing."""


@pytest.fixture(scope="module")
def shop() -> Shop:
    return simulate(700, 110, seed=8)


@pytest.fixture(scope="module")
def tables(shop: Shop) -> Tables:
    return Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})


@pytest.fixture(scope="module")
def snapshots(shop: Shop, tables: Tables) -> list[Snapshot]:
    return build_snapshots(tables, encode_tables(tables), shop.as_of, 91, 365, Loyalty(), quiet)


def test_windows_close_by_the_as_of_date_with_a_horizon_of_orders_before_each() -> None:
    first, as_of = date(2024, 1, 1), date(2025, 1, 1)
    days = cut_offs(first, as_of, 90)
    assert days[-1] == as_of - timedelta(days=90)
    assert all(second - earlier == timedelta(days=30) for earlier, second in pairwise(days))
    assert days[0] - first >= timedelta(days=90)
    assert cut_offs(first, date(2024, 6, 1), 90) == []


def test_snapshots_are_the_same_whatever_comes_after_the_as_of_date(
    shop: Shop, tables: Tables, snapshots: list[Snapshot]
) -> None:
    later = tables.transactions.head(50).with_columns(
        pl.lit(shop.as_of).cast(pl.Datetime("us")).alias("ordered_at"), pl.lit(1e9).alias("amount")
    )
    poisoned = Tables(**(tables.present() | {"transactions": pl.concat([tables.transactions, later])}))
    again = build_snapshots(poisoned, encode_tables(poisoned), shop.as_of, 91, 365, Loyalty(), quiet)
    assert [each.as_of for each in again] == [each.as_of for each in snapshots]
    assert again[-1].frame.equals(snapshots[-1].frame)


@dataclass
class Spy:
    """Notes what each fit was given."""

    name: str = "spy"
    seen: list[list[Snapshot]] = field(default_factory=list)

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame) -> RecencyRule:
        self.seen.append(snapshots)
        assert not {"churned", "next_spend", "order_wait"} & set(current.columns)
        return RecencyRuleCandidate().fit(snapshots, current)

    def load(self, folder: Path) -> RecencyRule:
        return RecencyRuleCandidate().load(folder)


def test_no_candidate_sees_a_window_that_was_open_at_the_origin(tables: Tables, snapshots: list[Snapshot]) -> None:
    spy = Spy()
    result = backtest(snapshots, tables, (spy,), 3, quiet)
    assert len(spy.seen) == len(result.origins) > 0
    for origin, seen in zip(result.origins, spy.seen, strict=True):
        assert seen
        assert all(snapshot.closed_on <= origin for snapshot in seen)


def test_windows_of_different_origins_do_not_overlap(tables: Tables, snapshots: list[Snapshot]) -> None:
    origins = backtest(snapshots, tables, CANDIDATES[:1], 4, quiet).origins
    assert all(later - earlier >= timedelta(days=91) for earlier, later in pairwise(origins))


def test_every_candidate_is_judged_on_the_same_rows_best_first(shop: Shop, tables: Tables, snapshots: list[Snapshot]) -> None:
    result = backtest(snapshots, tables, CANDIDATES, 2, quiet, VALUE_CANDIDATES)
    board = leaderboard(result, shop.as_of, 91, intervals=True)
    losses, deviances = [e["log_loss"] for e in board["churn"]], [e["tweedie_deviance"] for e in board["value"]]
    assert {entry["candidate"] for entry in board["churn"]} == {candidate.name for candidate in CANDIDATES}
    assert {entry["candidate"] for entry in board["value"]} == {candidate.name for candidate in VALUE_CANDIDATES}
    assert (losses, deviances) == (sorted(losses), sorted(deviances))
    assert winner(board, "none") == board["churn"][0]["candidate"]
    assert board["value"][0]["candidate"] in {"hybrid", "bgnbd_gamma_gamma"}
    assert board["value"][-1]["candidate"] == "zero"
    best = board["churn"][0]
    low, high = best["against_baseline"]["log_loss"]
    assert low < best["log_loss"] - next(e["log_loss"] for e in board["churn"] if e["candidate"] == "recency_rule") < high
    assert set(best["by_origin"]) == set(board["origins"])
    assert {"one-time buyers", "repeat buyers"} <= set(best["by_segment"])
    spread = next(entry for entry in board["value"] if entry["candidate"] == "hybrid")
    assert 0.02 < spread["above_high"] < 0.25
    assert spread["interval_score"] < next(e for e in board["value"] if e["candidate"] == "recency_deciles")["interval_score"]


def test_a_short_log_has_no_backtest_and_says_so(shop: Shop, tables: Tables) -> None:
    board = leaderboard(backtest([], tables, CANDIDATES, 2, quiet), shop.as_of, 91)
    assert (board["origins"], board["churn"]) == ([], [])
    assert set(board["limits"]) == {candidate.name for candidate in CANDIDATES}
    assert winner(board, "bgnbd") == "bgnbd"


def test_orders_that_arrived_late_are_no_answer_at_an_earlier_origin(tables: Tables, snapshots: list[Snapshot]) -> None:
    origin = snapshots[-1].as_of
    arrived = pl.lit(origin).cast(pl.Datetime("us"))
    late = pl.when(pl.col("ordered_at") >= snapshots[0].as_of).then(arrived).alias("ingested_at")
    delayed = Tables(**(tables.present() | {"transactions": tables.transactions.with_columns(late)}))
    then, now = (
        answered_before(snapshots, delayed, day)[0].frame["churned"].mean() for day in (origin, origin + timedelta(days=1))
    )
    assert (then, now) == (1.0, snapshots[0].frame["churned"].mean())


def test_a_value_candidate_that_cannot_be_fitted_takes_no_part_and_says_why(tables: Tables, snapshots: list[Snapshot]) -> None:
    nobody = [replace(each, frame=each.frame.with_columns(next_spend=pl.lit(0.0))) for each in snapshots]
    result = backtest(nobody, tables, (), 2, quiet, (HybridValueCandidate(),))
    assert result.limits["value:hybrid"].startswith("Spend is learned from at least 100 customer windows")
    assert not [column for column in result.frame.columns if "hybrid" in column]  # type: ignore[union-attr]  # there are origins
