"""For logs too short for a past window: the average of several order models, shrunk towards one half by how little they saw."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import expit

from features.frames.arrays import Array
from models.btyd.bgcnbd import MBGCNBD
from models.btyd.bgnbd import BGNBD
from models.btyd.order_model import OrderModel
from models.btyd.pair import HORIZON_COLUMN
from models.btyd.paretonbd import ParetoNBD
from models.files import CHURN_FILE, read_json, write_json
from models.log_odds import log_odds
from models.snapshot import Snapshot

NAME = "order_average"
MODELS: dict[str, type[OrderModel]] = {"BG/NBD": BGNBD, "MBG/CNBD-k": MBGCNBD, "Pareto/NBD": ParetoNBD}
HALF_SHRUNK_BUYERS = 15  # repeat buyers at which the log-odds of a log of one horizon count half


@dataclass(frozen=True)
class OrderAverageChurn:
    """The mean log-odds of order models that differ in how customers leave and how regularly they buy, times `shrinkage`."""

    orders: tuple[OrderModel, ...]
    horizon_days: int
    shrinkage: float
    mean_log_odds: float = 0.0
    name: str = NAME

    def p_churn(self, frame: pl.DataFrame) -> pl.Series:
        """Return P(no order in the horizon)."""
        return pl.Series("p_churn", expit(self._log_odds(frame)))

    def contributions(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return one column, `recency`: the models know only when orders came."""
        return pl.DataFrame({"recency": self._log_odds(frame) - self.mean_log_odds})

    def save(self, folder: Path) -> None:
        """Write the models, the horizon and the shrinkage."""
        models = {kind: model.to_json() for kind, model in zip(MODELS, self.orders, strict=True)}
        data = {"horizon_days": self.horizon_days, "shrinkage": self.shrinkage, "average": self.mean_log_odds}
        write_json(folder / CHURN_FILE, {"name": NAME, "orders": models, **data})

    def _log_odds(self, frame: pl.DataFrame) -> Array:
        odds = [log_odds(model.p_no_order(frame, self.horizon_days).to_numpy()) for model in self.orders]
        mean: Array = self.shrinkage * np.mean(odds, axis=0)
        return mean


@dataclass(frozen=True)
class OrderAverageCandidate:
    """Needs no past window. It is the choice only where there is none."""

    name: str = NAME

    def fit(self, _snapshots: list[Snapshot], current: pl.DataFrame) -> OrderAverageChurn:
        """Return the models fitted on the current customers; raises as OrderModel.fit.

        The log-odds count R / (R + 15 / c^2): R is the number of repeat buyers, c the length of the log in horizons, at most 1. A
        log shorter than the horizon has seen no customer return after as long a silence as it is to predict.
        """
        horizon_days = int(current[HORIZON_COLUMN][0])
        orders = tuple(model_class().fit(current) for model_class in MODELS.values())
        covered = min(float(current["T"].max()) / horizon_days, 1.0)  # type: ignore[arg-type]  # of numbers
        repeat_buyers = current.filter(pl.col("frequency") > 0).height
        shrinkage = repeat_buyers / (repeat_buyers + HALF_SHRUNK_BUYERS / covered**2) if covered else 0.0
        model = OrderAverageChurn(orders, horizon_days, shrinkage)
        return OrderAverageChurn(orders, horizon_days, shrinkage, float(log_odds(model.p_churn(current).to_numpy()).mean()))

    def load(self, folder: Path) -> OrderAverageChurn:
        """Read a model that `OrderAverageChurn.save` wrote."""
        data = read_json(folder / CHURN_FILE)
        orders = tuple(model_class.from_json(data["orders"][kind]) for kind, model_class in MODELS.items())
        return OrderAverageChurn(orders, data["horizon_days"], data["shrinkage"], data["average"])
