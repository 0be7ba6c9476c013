"""How well the order models fit a company's log, and how well they predict the days after it; figures for people to judge."""

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
    check_cohorts,
    check_order_counts,
    check_spend_independence,
    check_weekly_orders,
    order_counts,
    weekly_orders,
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
    """A fitted model, expected and actual frequency histogram and weekly orders, and which of its assumptions hold."""

    model: OrderModel
    counts: pl.DataFrame
    weekly: pl.DataFrame
    assumptions: list[Assumption]


@dataclass(frozen=True)
class OrderFit:
    """Models fitted on the log before `split`, evaluated on it and on the days from `split` until `as_of`."""

    split: date
    as_of: date
    customers: int
    data_assumptions: list[Assumption]
    model_fits: dict[str, ModelFit]

    def to_json(self) -> dict[str, Any]:
        """Return all figures as data."""
        return {
            "split": self.split.isoformat(),
            "as_of": self.as_of.isoformat(),
            "customers": self.customers,
            "checks": [asdict(assumption) for assumption in self.data_assumptions],
            "models": {name: _model_to_json(fit) for name, fit in self.model_fits.items()},
        }


def fit_order_models(tables: Tables, as_of: date, holdout_days: int | None = None) -> OrderFit:
    """Fit every order model on what was known before the last `holdout_days` until `as_of`, and evaluate it on those days.

    By default the last third of the log is held out, at most a year. Raises TooLittleDataError where no customer bought twice
    before the split.
    """
    days = occasions(customer_days(known_before(tables, as_of).transactions)).collect(engine="streaming")
    first: date = days[DAY].min()  # type: ignore[assignment]  # the minimum of dates is one
    length = holdout_days or min((as_of - first).days // 3, MAX_HOLDOUT_DAYS)
    split = as_of - timedelta(days=length)
    histories = purchase_histories(days, split)
    if not histories["frequency"].sum():
        raise TooLittleDataError(
            f"No customer bought twice before {split}, {length} days before {as_of}: there is nothing to fit."
        )
    fits = {name: _fit_model(model, histories, days, split, as_of) for name, model in MODELS.items()}
    return OrderFit(
        split=split,
        as_of=as_of,
        customers=histories.height,
        data_assumptions=[check_spend_independence(histories), check_cohorts(fits["BG/NBD"].model, histories)],
        model_fits=fits,
    )


def _fit_model(model: type[OrderModel], histories: pl.DataFrame, days: pl.DataFrame, split: date, as_of: date) -> ModelFit:
    fitted = model().fit(histories)
    counts, weekly = order_counts(fitted, histories), weekly_orders(fitted, days, split, as_of)
    weekly_checks = [check_weekly_orders(weekly, later=later) for later in (False, True)]
    return ModelFit(model=fitted, counts=counts, weekly=weekly, assumptions=[check_order_counts(counts), *weekly_checks])


def _model_to_json(fit: ModelFit) -> dict[str, Any]:
    return {
        "fit": fit.model.to_json(),
        "checks": [asdict(assumption) for assumption in fit.assumptions],
        "repeat_orders": fit.counts.to_dict(as_series=False),
        "weekly": fit.weekly.with_columns(pl.col("week").cast(pl.String)).to_dict(as_series=False),
    }
