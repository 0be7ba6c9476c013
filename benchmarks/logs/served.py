"""What the project predicts: the scores that it would have served on a day, and every candidate beside them."""

from collections.abc import Iterator
from datetime import date

import polars as pl

from features.point_in_time import known_before
from features.tables.schema import Tables
from models.errors import TooLittleDataError
from models.registry import CANDIDATES, VALUE_CANDIDATES
from serving.scoring.batch import score
from settings.clock import utc_now
from settings.sections import Settings
from training.data.training_data import TrainingData, prepare_training_data
from training.fit_champion import fit_champion, hold_contest

SERVED = "served"
SCORES = {
    "p_churn": f"p:{SERVED}",
    "expected_value": f"value:{SERVED}",
    "value_low": "value_low",
    "value_high": "value_high",
    "next_order_low": "next_order_low",
    "next_order_date": "next_order_date",
    "next_order_high": "next_order_high",
    "loyalty_segment": "loyalty_segment",
}


def no_progress(_stage: str, _done: int, _total: int) -> None:
    """Report no progress."""


def predict(settings: Settings, tables: Tables, origin: date, last_spend: pl.DataFrame) -> pl.DataFrame:
    """Return a row per customer: the scores served by a champion trained as of `origin`, and the candidates' predictions.

    `last_spend` has that column by customer_id, for the naive value candidate.
    """
    known = known_before(tables, origin)
    data = prepare_training_data(settings, known, origin, no_progress)
    contest = hold_contest(data, no_progress)
    champion = fit_champion(settings, data, contest)
    scores = score(settings, known, champion, origin, utc_now())
    value = "order models" if champion.value is None else champion.value.name
    chosen = [pl.lit(champion.churn.name).alias("champion"), pl.lit(value).alias("value_champion")]
    served = scores.select("customer_id", *(pl.col(name).alias(column) for name, column in SCORES.items()), *chosen)
    return served.join(_predict_by_candidates(data, last_spend), on="customer_id", how="left")


def _predict_by_candidates(data: TrainingData, last_spend: pl.DataFrame) -> pl.DataFrame:
    current = data.btyd.with_columns(data.features, data.windows.horizon_days).join(last_spend, on="customer_id", how="left")
    return current.select("customer_id").with_columns(*_columns(data, current))


def _columns(data: TrainingData, current: pl.DataFrame) -> Iterator[pl.Series]:
    for candidate in CANDIDATES:
        try:
            yield candidate.fit(data.snapshots, current).p_churn(current).alias(f"p:{candidate.name}")
        except TooLittleDataError:
            continue
    for value_candidate in VALUE_CANDIDATES:
        try:
            model = value_candidate.fit(data.snapshots, current)
        except TooLittleDataError:
            continue
        yield model.expected(current).alias(f"value:{value_candidate.name}")
