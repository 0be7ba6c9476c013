from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from features.point_in_time import known_before
from features.tables.schema import Tables
from features.windows import churn_windows
from settings.sections import Action, Settings, TableSources, Targeting, Workspace
from training.data.experiments import ExperimentQuery, experiments
from training.uplift import effects_of, responses

AS_OF, CUSTOMERS, WRITTEN = date(2025, 12, 1), 900, (12, 15, 18, 21)
MAIL = Action("mail", "retention", cost=0.5, save_rate=0.1, measured_by="letter")


@dataclass(frozen=True)
class OrderModel:
    """Foretells what the order model does."""

    name: str = "order model"

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        return frame["btyd_p_no_order"].rename("p_churn")

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select(pl.lit(0.0).alias("cadence"))

    def save(self, folder: Path) -> None:
        """Nothing to keep."""


SILENT = OrderModel()


def quiet(_stage: str, _done: int, _total: int) -> None:
    """Nobody watches."""


def shop(effect: float, seed: int = 4) -> Tables:
    """Half of the customers buy much; a letter makes these stay, and the others leave. Letters go to half of all, at random."""
    rng = np.random.default_rng(seed)
    heavy = np.arange(CUSTOMERS) % 2 == 0
    treated = np.zeros(CUSTOMERS, dtype=bool)
    lines, letters = [], []
    for month in range(23):
        day = datetime(2024, 1, 1) + timedelta(days=30 * month)
        luck, coin = rng.random((2, CUSTOMERS))
        chance = np.where(heavy, 0.5, 0.15) + np.where(heavy, effect, -effect / 3) * treated
        lines.append(_rows(luck < chance, f"o{month}", day + timedelta(hours=20)).with_columns(amount=10.0))
        treated = (coin < 0.5) & (month in WRITTEN)
        if month in WRITTEN:
            everybody = _rows(coin < 2, f"m{month}", day + timedelta(days=25))
            letters.append(everybody.with_columns(pl.Series("treated", treated), pl.lit("letter").alias("action")))
    orders = pl.concat(lines).rename({"day": "ordered_at", "of": "order_id"}).lazy()
    contacts = pl.concat(letters).rename({"day": "contacted_at", "of": "campaign_id"}).lazy()
    return Tables(orders, contacts=contacts)


def _rows(who: np.ndarray, of: str, day: datetime) -> pl.DataFrame:
    ids = pl.Series("customer_id", np.flatnonzero(who)).cast(pl.String)
    return pl.DataFrame({"customer_id": "c" + ids}).with_columns(
        pl.lit(of).alias("of"), pl.lit(day, pl.Datetime("us")).alias("day")
    )


def asked(tables: Tables, path: Path) -> ExperimentQuery:
    settings = Settings(TableSources("t.csv"), Workspace(path), targeting=Targeting(at_risk_threshold=0.0, actions=(MAIL,)))
    settings = replace(settings, churn=replace(settings.churn, horizon_days=30))
    known = known_before(tables, AS_OF)
    return ExperimentQuery(settings, known, AS_OF, churn_windows(settings.churn, known, AS_OF))


@pytest.fixture(scope="module")
def responding() -> Tables:
    return shop(0.4)


def test_a_response_that_earns_more_than_risk_is_used(responding: Tables, tmp_path: Path) -> None:
    found, notes = responses(asked(responding, tmp_path), SILENT, quiet)
    assert [each.action for each in found] == ["letter"]
    one = found[0]
    assert one.qini[one.learner].low > 0
    assert one.policies.is_better
    assert one.model is not None
    assert notes[0].startswith("Effects of letter: measured, and used")
    assert effects_of(found)["responses"][0]["used"]
    assert "model" not in effects_of(found)["responses"][0]


def test_a_response_that_nobody_has_is_not_used(tmp_path: Path) -> None:
    found, notes = responses(asked(shop(0.0, seed=5), tmp_path), SILENT, quiet)
    assert found[0].model is None
    assert effects_of(found)["uplift"] == {}
    assert "measured, and not used" in notes[0]
    assert found[0].effect.low < 0 < found[0].effect.high < found[0].assumed
    assert "points of staying, the save rates assume +" in notes[0]
    assert found[0].agreeing is not None
    assert 0 <= found[0].agreeing < 0.5


def test_what_is_learned_from_was_known_before_each_contact(responding: Tables, tmp_path: Path) -> None:
    before = experiments(asked(responding, tmp_path), quiet)["letter"]
    corrupted = responding.transactions.with_columns(
        pl.when(pl.col("ordered_at") > datetime(2025, 11, 20)).then(pl.col("amount") * 1e6).otherwise("amount").alias("amount")
    )
    later = pl.LazyFrame({"customer_id": ["c0"], "order_id": ["x"], "ordered_at": [datetime(2026, 1, 1)], "amount": [1e9]})
    moved = replace(responding, transactions=pl.concat([corrupted, later.cast(dict(corrupted.collect_schema()))]))
    after = experiments(asked(moved, tmp_path), quiet)["letter"]
    assert after.frame.equals(before.frame)
    assert np.array_equal(after.stayed, before.stayed)


def test_contacts_without_a_control_or_with_few_rows_stay_assumed(responding: Tables, tmp_path: Path) -> None:
    assert responding.contacts is not None
    everybody = replace(responding, contacts=responding.contacts.with_columns(pl.lit(value=True).alias("treated")))
    assert experiments(asked(everybody, tmp_path), quiet) == {}
    assert experiments(asked(replace(responding, contacts=None), tmp_path), quiet) == {}
    few = replace(responding, contacts=responding.contacts.filter(pl.col("customer_id").is_in([f"c{n}" for n in range(60)])))
    found, notes = responses(asked(few, tmp_path), SILENT, quiet)
    assert found == []
    assert "Effects of letter stay assumed. Who responds is learned from 200 contacts an arm" in notes[0]
