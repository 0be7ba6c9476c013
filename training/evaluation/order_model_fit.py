"""How well the order models fit a company's log, and how well they then foretell: numbers for people to judge."""

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

import polars as pl

from features.btyd_summary import purchase_histories
from features.frames.columns import DAY
from features.frames.purchases import customer_days, occasions
from features.point_in_time import known_before
from features.tables.schema import Tables
from models.btyd.assumptions import (
    Assumption,
    cohorts_check,
    counts_check,
    order_counts,
    spend_and_frequency,
    weekly_orders,
    weeks_check,
)
from models.btyd.bgnbd import BGNBD
from models.btyd.mbgnbd import MBGNBD
from models.btyd.order_model import OrderModel
from models.btyd.paretonbd import ParetoNBD
from models.errors import TooLittleDataError

MODELS: dict[str, type[OrderModel]] = {"BG/NBD": BGNBD, "MBG/NBD": MBGNBD, "Pareto/NBD": ParetoNBD}
MAX_HOLDOUT_DAYS = 365


@dataclass(frozen=True)
class ModelFit:
    """A fitted model, its frequency histogram and weekly orders against the actual ones, and what they tell."""

    model: OrderModel
    counts: pl.DataFrame
    weekly: pl.DataFrame
    checks: list[Assumption]


@dataclass(frozen=True)
class OrderFit:
    """Fits on the log before `split`, judged on it and on what followed until `as_of`."""

    split: date
    as_of: date
    customers: int
    of_data: list[Assumption]
    of_models: dict[str, ModelFit]

    def to_json(self) -> dict[str, Any]:
        """Return all figures as data."""
        return {
            "split": self.split.isoformat(),
            "as_of": self.as_of.isoformat(),
            "customers": self.customers,
            "checks": [asdict(check) for check in self.of_data],
            "models": {name: _of_model(fit) for name, fit in self.of_models.items()},
        }


def order_fit(tables: Tables, as_of: date, holdout_days: int | None = None) -> OrderFit:
    """Fit every order model on what was known before the last `holdout_days` until `as_of`, and judge it.

    By default a third of the log is held out, at most a year. Raises TooLittleData when nobody bought twice before.
    """
    days = occasions(customer_days(known_before(tables, as_of).transactions)).collect(engine="streaming")
    first: date = days[DAY].min()  # type: ignore[assignment]  # the minimum of dates is one
    length = holdout_days or min((as_of - first).days // 3, MAX_HOLDOUT_DAYS)
    split = as_of - timedelta(days=length)
    frame = purchase_histories(days, split)
    if not frame["frequency"].sum():
        raise TooLittleDataError(f"Nobody bought twice before {split}, {length} days before {as_of}: there is nothing to fit.")
    fits = {name: _fitted(model, frame, days, split, as_of) for name, model in MODELS.items()}
    of_data = [spend_and_frequency(frame), cohorts_check(fits["BG/NBD"].model, frame)]
    return OrderFit(split, as_of, frame.height, of_data, fits)


def _fitted(model: type[OrderModel], frame: pl.DataFrame, days: pl.DataFrame, split: date, as_of: date) -> ModelFit:
    fitted = model().fit(frame)
    counts, weekly = order_counts(fitted, frame), weekly_orders(fitted, days, split, as_of)
    return ModelFit(
        fitted, counts, weekly, [counts_check(counts), *(weeks_check(weekly, later=later) for later in (False, True))]
    )


def _of_model(fit: ModelFit) -> dict[str, Any]:
    return {
        "fit": fit.model.to_json(),
        "checks": [asdict(check) for check in fit.checks],
        "repeat_orders": fit.counts.to_dict(as_series=False),
        "weekly": fit.weekly.with_columns(pl.col("week").cast(pl.String)).to_dict(as_series=False),
    }
