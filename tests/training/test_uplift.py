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
from training.uplift import champion_effects, measure_responses

AS_OF, CUSTOMERS, LETTER_MONTHS = date(2025, 12, 1), 900, (12, 15, 18, 21)
MAIL = Action("mail", "retention", cost=0.5, save_rate=0.1, measured_by="letter")


@dataclass(frozen=True)
class OrderModel:
    """Predict the probability of the order model."""

    name: str = "order model"

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        return frame["btyd_p_no_order"].rename("p_churn")

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select(pl.lit(0.0).alias("cadence"))

    def save(self, folder: Path) -> None:
        """Save nothing."""


ORDER_MODEL = OrderModel()


def quiet(_stage: str, _done: int, _total: int) -> None:
    """Ignore the progress."""


def shop(effect: float, seed: int = 4) -> Tables:
    """Return a shop in which a letter keeps the frequent half of the customers and drives others away.

    Letters go to half of all customers, at random.
    """
    rng = np.random.default_rng(seed)
    frequent = np.arange(CUSTOMERS) % 2 == 0
    treated = np.zeros(CUSTOMERS, dtype=bool)
    lines, letters = [], []
    for month in range(23):
        day = datetime(2024, 1, 1) + timedelta(days=30 * month)
        uniform, coin = rng.random((2, CUSTOMERS))
        p_order = np.where(frequent, 0.5, 0.15) + np.where(frequent, effect, -effect / 3) * treated
        lines.append(_rows(uniform < p_order, f"o{month}", day + timedelta(hours=20)).with_columns(amount=10.0))
        treated = (coin < 0.5) & (month in LETTER_MONTHS)
        if month in LETTER_MONTHS:
            recipients = _rows(coin < 2, f"m{month}", day + timedelta(days=25))
            letters.append(recipients.with_columns(pl.Series("treated", treated), pl.lit("letter").alias("action")))
    orders = pl.concat(lines).rename({"day": "ordered_at", "event": "order_id"}).lazy()
    contacts = pl.concat(letters).rename({"day": "contacted_at", "event": "campaign_id"}).lazy()
    return Tables(orders, contacts=contacts)


def _rows(customers: np.ndarray, event: str, day: datetime) -> pl.DataFrame:
    ids = pl.Series("customer_id", np.flatnonzero(customers)).cast(pl.String)
    return pl.DataFrame({"customer_id": "c" + ids}).with_columns(
        pl.lit(event).alias("event"), pl.lit(day, pl.Datetime("us")).alias("day")
    )


def query(tables: Tables, path: Path) -> ExperimentQuery:
    settings = Settings(TableSources("t.csv"), Workspace(path), targeting=Targeting(actions=(MAIL,)))
    settings = replace(settings, churn=replace(settings.churn, horizon_days=30))
    known = known_before(tables, AS_OF)
    return ExperimentQuery(settings, known, AS_OF, churn_windows(settings.churn, known, AS_OF))


@pytest.fixture(scope="module")
def responding() -> Tables:
    return shop(0.4)


@pytest.mark.slow
def test_an_effect_model_that_earns_more_than_risk_is_used(responding: Tables, tmp_path: Path) -> None:
    responses, notes = measure_responses(query(responding, tmp_path), ORDER_MODEL, 0.0, quiet)
    assert [response.action for response in responses] == ["letter"]
    [response] = responses
    assert response.qini[response.learner].low > 0
    assert response.policies.is_better
    assert response.model is not None
    assert notes[0].startswith("Effects of letter: measured, and used: uplift x value earns +")
    assert champion_effects(responses)["responses"][0]["used"]
    assert "model" not in champion_effects(responses)["responses"][0]


@pytest.mark.slow
def test_an_action_without_an_effect_has_no_effect_model(tmp_path: Path) -> None:
    [response], notes = measure_responses(query(shop(0.0, seed=5), tmp_path), ORDER_MODEL, 0.0, quiet)
    assert response.model is None
    assert champion_effects([response])["uplift"] == {}
    assert "measured, and not used" in notes[0]
    assert response.effect.low < 0 < response.effect.high < response.assumed
    assert "points of retention; save rates assume +" in notes[0]
    assert notes[0].endswith((" to match.", "No save rate matches that."))
    assert response.agreeing is not None
    assert 0 <= response.agreeing < 0.5


@pytest.mark.slow
def test_features_of_an_experiment_were_known_before_each_contact(responding: Tables, tmp_path: Path) -> None:
    before = experiments(query(responding, tmp_path), quiet)["letter"]
    corrupted = responding.transactions.with_columns(
        pl.when(pl.col("ordered_at") > datetime(2025, 11, 20)).then(pl.col("amount") * 1e6).otherwise("amount").alias("amount")
    )
    later = pl.LazyFrame({"customer_id": ["c0"], "order_id": ["x"], "ordered_at": [datetime(2026, 1, 1)], "amount": [1e9]})
    changed = replace(responding, transactions=pl.concat([corrupted, later.cast(dict(corrupted.collect_schema()))]))
    after = experiments(query(changed, tmp_path), quiet)["letter"]
    assert after.frame.equals(before.frame)
    assert np.array_equal(after.stayed, before.stayed)


@pytest.mark.slow
def test_effects_of_contacts_without_a_control_group_or_with_few_rows_stay_assumed(responding: Tables, tmp_path: Path) -> None:
    assert responding.contacts is not None
    all_treated = replace(responding, contacts=responding.contacts.with_columns(pl.lit(value=True).alias("treated")))
    assert experiments(query(all_treated, tmp_path), quiet) == {}
    assert experiments(query(replace(responding, contacts=None), tmp_path), quiet) == {}
    few = replace(responding, contacts=responding.contacts.filter(pl.col("customer_id").is_in([f"c{n}" for n in range(60)])))
    responses, notes = measure_responses(query(few, tmp_path), ORDER_MODEL, 0.0, quiet)
    assert responses == []
    assert "Effects of letter stay assumed. An uplift model needs 200 contacts per arm" in notes[0]
