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
from training.evaluation.permutation_test import predicted_shuffle, refuse_predictable_shuffles, shuffled


@pytest.fixture(scope="module")
def shop() -> Shop:
    return simulate(500, 90, seed=12)


@pytest.fixture(scope="module")
def tables(shop: Shop) -> Tables:
    return Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})


@pytest.fixture(scope="module")
def snapshots(shop: Shop, tables: Tables) -> list[Snapshot]:
    return build_snapshots(tables, encode_tables(tables), shop.as_of, 91, 365, Loyalty(), lambda _stage, _done, _total: None)


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda candidate: candidate.name)
def test_no_candidate_foretells_shuffled_answers(candidate: Candidate, snapshots: list[Snapshot], tables: Tables) -> None:
    refuse_predictable_shuffles(candidate, snapshots, tables)


@dataclass(frozen=True)
class Memory:
    """Remembers what came of every customer as of every day it was shown, and says so when it is asked of that day again."""

    shown: pl.DataFrame
    name: str = "memory"

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        known = frame.select("customer_id", "as_of").join(self.shown, on=["customer_id", "as_of"], how="left")
        return known["churned"].fill_null(0.5).cast(pl.Float64).alias("p_churn")

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        return pl.DataFrame({"recency": np.zeros(frame.height)})

    def save(self, folder: Path) -> None:
        """Keep nothing."""


class RemembersAll:
    name = "memory"

    def fit(self, snapshots: list[Snapshot], _current: pl.DataFrame) -> Memory:
        return Memory(pl.concat([each.frame.select("customer_id", "as_of", "churned") for each in snapshots]))

    def load(self, folder: Path) -> RecencyRule:
        return RecencyRuleCandidate().load(folder)


def test_a_window_that_is_learned_from_and_judged_by_is_found(
    snapshots: list[Snapshot], tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_predictable_shuffles(RemembersAll(), snapshots, tables)
    monkeypatch.setattr("training.evaluation.permutation_test.answered_before", lambda snapshots, _tables, _day: snapshots)
    monkeypatch.setattr("training.evaluation.permutation_test.shuffled", lambda snapshot, _place: shuffled(snapshot, 0))
    with pytest.raises(LeakageError, match=r"Candidate memory foretells answers that were shuffled .* AUC of 1\.000"):
        refuse_predictable_shuffles(RemembersAll(), snapshots, tables)


def test_too_little_to_learn_from_raises_no_alarm(snapshots: list[Snapshot], tables: Tables) -> None:
    for some in ([], snapshots[:1]):
        refuse_predictable_shuffles(CANDIDATES[0], some, tables)


def test_answers_stay_whole_and_features_stay_in_place(snapshots: list[Snapshot]) -> None:
    before, after = snapshots[-1].frame, shuffled(snapshots[-1], 3).frame
    answers = ["next_orders", "next_spend", "churned", "order_wait", "contact_wait"]
    assert after.drop(answers).equals(before.drop(answers))
    assert not after.select(answers).equals(before.select(answers))
    assert after.select(answers).sort(answers).equals(before.select(answers).sort(answers))
    assert after.columns == before.columns


def test_the_alarm_is_as_far_from_one_half_as_chance_hardly_goes() -> None:
    rng = np.random.default_rng(6)
    churned = (rng.random(2_000) < 0.4).astype(float)
    draws = [predicted_shuffle(churned, rng.random(2_000)) for _ in range(200)]
    assert draws == [None] * 200
    assert predicted_shuffle(churned, churned * 0.3 + rng.random(2_000)) is not None
    assert predicted_shuffle(churned, 1 - churned) == 0.0
    assert predicted_shuffle(np.ones(5), rng.random(5)) is None
