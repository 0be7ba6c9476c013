"""Order models as candidates: alone for churn, and multiplied by Gamma-Gamma for value; by our engine or by `lifetimes`.

The order model whose columns are part of every snapshot is the candidate in `models/churn/order_columns.py`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from models.btyd.gamma_gamma import GammaGamma
from models.btyd.lifetimes_engine import HOLDFAST_ENGINE
from models.btyd.order_model import OrderModel
from models.errors import TooLittleDataError
from models.files import CHURN_FILE, read_json, write_json
from models.log_odds import MIN_PROBABILITY, log_odds
from models.snapshot import Snapshot


@dataclass(frozen=True)
class OrderChurn:
    """P(no order in the horizon) by an order model; contributions are measured from `mean_log_odds`."""

    name: str
    orders: OrderModel
    horizon_days: int
    mean_log_odds: float

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return P(no order), clipped to between 1e-6 and 1 - 1e-6."""
        p_no_order = self.orders.p_no_order(frame, self.horizon_days)
        return p_no_order.clip(MIN_PROBABILITY, 1 - MIN_PROBABILITY).alias("p_churn")

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return one column, `recency`: the model knows only recency, frequency and T."""
        return pl.DataFrame({"recency": log_odds(self.p_churn(frame).to_numpy()) - self.mean_log_odds})

    def save(self, folder: Path) -> None:
        """Write name, horizon, mean log-odds and parameters."""
        data = {"name": self.name, "horizon_days": self.horizon_days, "average": self.mean_log_odds}
        write_json(folder / CHURN_FILE, data | {"orders": self.orders.to_json()})


@dataclass(frozen=True)
class OrderChurnCandidate:
    """Fits an order model on the current customers; `engine` as for OrderModel.fit."""

    name: str
    model_class: type[OrderModel]
    engine: str = HOLDFAST_ENGINE

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame) -> OrderChurn:
        """Return the fitted model, with the horizon of the newest snapshot.

        Raises TooLittleDataError without a closed window, and where the engine does.
        """
        horizon_days = _horizon_days(snapshots, self.name)
        orders = self.model_class().fit(current, engine=self.engine)
        mean_log_odds = float(log_odds(np.asarray(orders.p_no_order(current, horizon_days))).mean())
        return OrderChurn(name=self.name, orders=orders, horizon_days=horizon_days, mean_log_odds=mean_log_odds)

    def load(self, folder: Path) -> OrderChurn:
        """Read a model that `OrderChurn.save` wrote."""
        data = read_json(folder / CHURN_FILE)
        orders = self.model_class.from_json(data["orders"])
        return OrderChurn(name=data["name"], orders=orders, horizon_days=data["horizon_days"], mean_log_odds=data["average"])


@dataclass(frozen=True)
class OrderValue:
    """Expected orders times expected spend per order."""

    name: str
    orders: OrderModel
    spend: GammaGamma
    horizon_days: int

    def expected(self, frame: pl.DataFrame) -> pl.Series:
        """Return expected orders times expected spend per order."""
        return (self.orders.expected_orders(frame, self.horizon_days) * self.spend.expected_spend(frame)).alias("value")

    def quantile(self, frame: pl.DataFrame, probability: float) -> None:
        """Return None: this model predicts no distribution of spend."""


@dataclass(frozen=True)
class OrderValueCandidate:
    """Fits an order model and a Gamma-Gamma on the current customers, both by the same engine."""

    name: str
    model_class: type[OrderModel]
    engine: str = HOLDFAST_ENGINE

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame) -> OrderValue:
        """Return the fitted pair; raises TooLittleDataError as the churn candidate does."""
        horizon_days = _horizon_days(snapshots, self.name)
        orders = self.model_class().fit(current, engine=self.engine)
        spend = GammaGamma().fit(current, engine=self.engine)
        return OrderValue(name=self.name, orders=orders, spend=spend, horizon_days=horizon_days)


def _horizon_days(snapshots: list[Snapshot], name: str) -> int:
    if not snapshots:
        raise TooLittleDataError(f"Candidate {name} needs at least one past window; the log is too short for one.")
    return snapshots[-1].horizon_days
