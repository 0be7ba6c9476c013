from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.frames.encoded import encode_tables
from features.tables.schema import Tables
from holdfast.demo.simulated.shop import Shop, simulate
from models.churn.protocol import Candidate
from models.churn.recency_rule import RecencyRule, RecencyRuleCandidate
from models.registry import CANDIDATES
from models.snapshot import Snapshot
from settings.sections import Loyalty
from training.data.leakage_checks import LeakageError
from training.data.snapshots import build_snapshots
from training.evaluation.permutation_test import refuse_predictable_shuffles, shuffle_outcomes, significant_auc


@pytest.fixture(scope="module")
def shop() -> Shop:
    return simulate(500, 72, seed=12)


@pytest.fixture(scope="module")
def tables(shop: Shop) -> Tables:
    return Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})


@pytest.fixture(scope="module")
def snapshots(shop: Shop, tables: Tables) -> list[Snapshot]:
    return build_snapshots(
        tables,
        encode_tables(tables),
        shop.as_of,
        horizon_days=91,
        active_days=365,
        loyalty=Loyalty(),
        progress=lambda _stage, _done, _total: None,
    )


@pytest.mark.slow
@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda candidate: candidate.name)
def test_no_candidate_predicts_shuffled_outcomes(candidate: Candidate, snapshots: list[Snapshot], tables: Tables) -> None:
    refuse_predictable_shuffles(candidate, snapshots, tables)


@dataclass(frozen=True)
class LookupModel:
    """Predict the outcome that the training data has for the customer and day, else one half."""

    outcomes: pl.DataFrame
    name: str = "lookup"

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        matches = frame.select("customer_id", "as_of").join(self.outcomes, on=["customer_id", "as_of"], how="left")
        return matches["churned"].fill_null(0.5).cast(pl.Float64).alias("p_churn")

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        return pl.DataFrame({"recency": np.zeros(frame.height)})

    def save(self, folder: Path) -> None:
        """Save nothing."""


class LookupCandidate:
    name = "lookup"

    def fit(self, snapshots: list[Snapshot], _current: pl.DataFrame) -> LookupModel:
        return LookupModel(pl.concat([snapshot.frame.select("customer_id", "as_of", "churned") for snapshot in snapshots]))

    def load(self, folder: Path) -> RecencyRule:
        return RecencyRuleCandidate().load(folder)


def test_a_window_used_for_both_fitting_and_evaluation_is_detected(
    snapshots: list[Snapshot], tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_predictable_shuffles(LookupCandidate(), snapshots, tables)
    monkeypatch.setattr("training.evaluation.permutation_test.closed_before", lambda snapshots, _tables, _day: snapshots)
    monkeypatch.setattr(
        "training.evaluation.permutation_test.shuffle_outcomes", lambda snapshot, _index: shuffle_outcomes(snapshot, 0)
    )
    with pytest.raises(LeakageError, match=r"Candidate lookup predicts outcomes that were shuffled .* AUC of 1\.000"):
        refuse_predictable_shuffles(LookupCandidate(), snapshots, tables)


def test_too_few_snapshots_are_not_checked(snapshots: list[Snapshot], tables: Tables) -> None:
    for few in ([], snapshots[:1]):
        refuse_predictable_shuffles(CANDIDATES[0], few, tables)


def test_shuffling_keeps_each_set_of_outcomes_together_and_features_in_place(snapshots: list[Snapshot]) -> None:
    before, after = snapshots[-1].frame, shuffle_outcomes(snapshots[-1], 3).frame
    outcomes = ["next_orders", "next_spend", "churned", "order_wait", "contact_wait"]
    assert after.drop(outcomes).equals(before.drop(outcomes))
    assert not after.select(outcomes).equals(before.select(outcomes))
    assert after.select(outcomes).sort(outcomes).equals(before.select(outcomes).sort(outcomes))
    assert after.columns == before.columns


def test_random_predictions_have_no_significant_auc() -> None:
    rng = np.random.default_rng(6)
    churned = (rng.random(2_000) < 0.4).astype(float)
    draws = [significant_auc(churned, rng.random(2_000)) for _ in range(200)]
    assert draws == [None] * 200
    assert significant_auc(churned, churned * 0.3 + rng.random(2_000)) is not None
    assert significant_auc(churned, 1 - churned) == 0.0
    assert significant_auc(np.ones(5), rng.random(5)) is None
