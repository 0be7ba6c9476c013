"""A shop without models: customers in households, and a random run of scores for each week."""

from collections.abc import Iterator
from datetime import date, datetime
from itertools import count

import numpy as np
import polars as pl

from features.storage.hashing import HashedIds
from features.tables.schema import Tables
from serving.schemas.candidates import TARGET_COLUMNS
from serving.schemas.scores import SCORE_COLUMNS
from serving.scoring.units import build_units
from settings.sections import Action, Targeting

HOLD_DAYS, PAUSE_DAYS = 35, 14
CUSTOMERS, HOUSEHOLD_SHARE = 36, 0.6
TARGETS = ("retention", "retention", "win_back", "win_back", "recovery", "nurture", "nurture")
ACTIONS = {"retention": "mail", "win_back": "return", "recovery": "apology"}
TARGETING = Targeting(
    control_share=0.4,
    global_control_share=0.1,
    pause_days=PAUSE_DAYS,
    control_hold_days=HOLD_DAYS,
    actions=(
        Action("mail", "retention", cost=1.0, save_rate=0.1),
        Action("return", "win_back", cost=1.0, save_rate=0.1),
        Action("apology", "recovery", cost=1.0, save_rate=0.1, owner="service"),
    ),
)
FIXED = {
    "scored_at": datetime(2026, 1, 1),  # noqa: DTZ001  # times are in UTC, without a zone
    "model_version": "1",
    "horizon_days": HOLD_DAYS,
    "currency": "EUR",
    "orders": 4,
    "recency_days": 80,
    "status": "existing",
    "relationship_level": "basic",
    "value_if_leaves": 0.0,
    "action": "none",
    "open_complaints": 1,
}
PROBABILITIES = ("p_hard_core", "p_split", "p_shifting", "p_switcher", "p_alive")


class Shop:
    """The customers of the source, with those who were erased: the source may still have them."""

    def __init__(self, rng: np.random.Generator) -> None:
        """Start with CUSTOMERS customers."""
        self.rng, self._numbers = rng, count(1)
        self.people = pl.DataFrame(list(self._newcomers(CUSTOMERS)), schema=["customer_id", "household"], orient="row")

    def add_newcomers(self, number: int) -> None:
        """Let new customers join, some of them a household of others."""
        added = pl.DataFrame(list(self._newcomers(number)), schema=self.people.schema, orient="row")
        self.people = pl.concat([self.people, added])

    def score_week(self, as_of: date, erased: HashedIds, key: str) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Return random scores, targets and units as of a date, of all who are not erased."""
        known = self.people.filter(~erased.holds())
        target = pl.Series("target", self.rng.choice(TARGETS, known.height))
        value, p = self.rng.uniform(20, 90, known.height), self.rng.uniform(0.6, 0.9, known.height)
        columns = {"value_if_stays": value, "p_churn": p, "expected_value": value * (1 - p), "value_at_risk": value * p}
        frame = known.with_columns(target, *(pl.Series(name, values) for name, values in columns.items()))
        tables = Tables(transactions=pl.LazyFrame(), customers=known.lazy())
        targets = _typed(frame.drop("household").filter(pl.col("target") != "nurture").sort("customer_id"), TARGET_COLUMNS)
        contacted = known.select("customer_id", pl.lit(200, pl.Int64).alias("contacted_days"))
        return _scores(frame, as_of), targets, build_units(tables, contacted, targets["customer_id"], key)

    def _newcomers(self, number: int) -> Iterator[tuple[str, str | None]]:
        for _ in range(number):
            shares = self.rng.random() < HOUSEHOLD_SHARE
            yield f"cust-{next(self._numbers):05}-z", f"House {self.rng.integers(1, 20)}" if shares else None


def _scores(frame: pl.DataFrame, as_of: date) -> pl.DataFrame:
    fixed = {**FIXED, **dict.fromkeys(PROBABILITIES, 0.5), "as_of": as_of, "churn_percentile": 50.0}
    constants = (pl.lit(value).alias(name) for name, value in fixed.items())
    bounds = {"value_low": pl.lit(0.0), "value_high": pl.lit(1e6)}
    return _typed(frame.with_columns(*constants, **bounds), SCORE_COLUMNS)


def _typed(frame: pl.DataFrame, columns: dict[str, pl.DataType]) -> pl.DataFrame:
    present = set(frame.columns)
    return frame.select(
        (pl.col(name) if name in present else pl.lit(None)).cast(dtype).alias(name) for name, dtype in columns.items()
    )
