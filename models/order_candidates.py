"""Each order model by itself as a candidate for churn, and times Gamma-Gamma for value; ours, and the field's reference.

BG/NBD as the hybrids use it stands in `bgnbd_churn.py`: its columns are part of every snapshot.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from models.btyd.gamma_gamma import GammaGamma
from models.btyd.order_model import OrderModel
from models.errors import TooLittleDataError
from models.files import FILE, read_json, write_json
from models.log_odds import EDGE, log_odds
from models.snapshot import Snapshot

OURS, LIFETIMES = "holdfast", "lifetimes"


@dataclass(frozen=True)
class OrderChurn:
    """P(no order in H) of an order model; `average` is the log-odds that contributions are measured from."""

    name: str
    orders: OrderModel
    horizon_days: int
    average: float

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return P(no order), a millionth away from 0 and 1 at least."""
        return self.orders.p_no_order(frame, self.horizon_days).clip(EDGE, 1 - EDGE).alias("p_churn")

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Everything comes from recency, frequency and T."""
        return pl.DataFrame({"recency": log_odds(self.p_churn(frame).to_numpy()) - self.average})

    def save(self, folder: Path) -> None:
        """Write parameters, horizon and average."""
        own = {"name": self.name, "horizon_days": self.horizon_days, "average": self.average}
        write_json(folder / FILE, own | {"orders": self.orders.to_json()})


@dataclass(frozen=True)
class OrderChurnCandidate:
    """Fits an order model on the customers of the present; `engine` as of OrderModel.fit."""

    name: str
    kind: type[OrderModel]
    engine: str = OURS

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame) -> OrderChurn:
        """Return the model. Raises TooLittleData without a closed window, which names the horizon, and where the engine does."""
        horizon = _horizon(snapshots, self.name)
        orders = self.kind().fit(current, engine=self.engine)
        average = float(log_odds(np.asarray(orders.p_no_order(current, horizon))).mean())
        return OrderChurn(self.name, orders, horizon, average)

    def load(self, folder: Path) -> OrderChurn:
        """Read what the model's `save` wrote."""
        data = read_json(folder / FILE)
        return OrderChurn(data["name"], self.kind.from_json(data["orders"]), data["horizon_days"], data["average"])


@dataclass(frozen=True)
class OrderValue:
    """Expected orders times expected spend per order."""

    name: str
    orders: OrderModel
    spend: GammaGamma
    horizon_days: int

    def expected(self, frame: pl.DataFrame) -> pl.Series:
        """Return the product."""
        return (self.orders.expected_orders(frame, self.horizon_days) * self.spend.expected_spend(frame)).alias("value")

    def quantile(self, frame: pl.DataFrame, at: float) -> None:
        """Return nothing."""


@dataclass(frozen=True)
class OrderValueCandidate:
    """Fits an order model and a Gamma-Gamma on the customers of the present, both by the same engine."""

    name: str
    kind: type[OrderModel]
    engine: str = OURS

    def fit(self, snapshots: list[Snapshot], current: pl.DataFrame) -> OrderValue:
        """Return the pair. Raises TooLittleData as the churn candidate does."""
        horizon = _horizon(snapshots, self.name)
        orders, spend = self.kind().fit(current, engine=self.engine), GammaGamma().fit(current, engine=self.engine)
        return OrderValue(self.name, orders, spend, horizon)


def _horizon(snapshots: list[Snapshot], name: str) -> int:
    if not snapshots:
        raise TooLittleDataError(f"{name} is judged by past windows; the log is too short for one.")
    return snapshots[-1].horizon_days
