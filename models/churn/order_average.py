"""For logs too short to learn from: the average of order models for customers of unknown regularity, shrunk towards one half."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
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
from models.btyd.regularity import regularity_weights
from models.files import CHURN_FILE, read_json, write_json
from models.log_odds import log_odds
from models.snapshot import Snapshot

NAME = "order_average"
HALF_SHRUNK_BUYERS = 15  # repeat buyers at which the log-odds of a log of one horizon count half
BGNBD_WEIGHT = 0.5
CLASSES: dict[str, type[OrderModel]] = {"BG/NBD": BGNBD, "MBG/CNBD-k": MBGCNBD, "Pareto/NBD": ParetoNBD}
KINDS = {model_class: kind for kind, model_class in CLASSES.items()}


@dataclass(frozen=True)
class OrderAverageChurn:
    """The weighted mean log-odds of order models, times `shrinkage`; the weights sum to 1."""

    orders: tuple[OrderModel, ...]
    weights: tuple[float, ...]
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
        """Write the models, their weights, the horizon and the shrinkage."""
        models = [{"kind": KINDS[type(model)], "weight": weight, **model.to_json()} for weight, model in self._weighted()]
        data = {"horizon_days": self.horizon_days, "shrinkage": self.shrinkage, "average": self.mean_log_odds}
        write_json(folder / CHURN_FILE, {"name": NAME, "models": models, **data})

    def _weighted(self) -> Iterator[tuple[float, OrderModel]]:
        return zip(self.weights, self.orders, strict=True)

    def _log_odds(self, frame: pl.DataFrame) -> Array:
        odds = [log_odds(model.p_no_order(frame, self.horizon_days).to_numpy()) for model in self.orders]
        mean: Array = self.shrinkage * np.average(odds, axis=0, weights=self.weights)
        return mean


@dataclass(frozen=True)
class OrderAverageCandidate:
    """Needs no past window, and serves where no candidate that does could be tested on a past day."""

    name: str = NAME

    def fit(self, _snapshots: list[Snapshot], current: pl.DataFrame) -> OrderAverageChurn:
        """Return BG/NBD and MBG/CNBD-k, for each k that may be right, fitted on the current customers; raises as OrderModel.fit.

        Half of the weight is that of BG/NBD. The log-odds count R / (R + 15 / c^2): R is the number of repeat buyers, c the
        length of the log in horizons, at most 1. A log shorter than the horizon has seen no customer return after as long a
        silence as it is to predict.
        """
        horizon_days = int(current[HORIZON_COLUMN][0])
        regularity = regularity_weights(current)
        orders = (BGNBD().fit(current), *(MBGCNBD(k=k).fit(current) for k in regularity))
        weights = (BGNBD_WEIGHT, *((1 - BGNBD_WEIGHT) * weight for weight in regularity.values()))
        covered = min(float(current["T"].max()) / horizon_days, 1.0)  # type: ignore[arg-type]  # of numbers
        repeat_buyers = current.filter(pl.col("frequency") > 0).height
        shrinkage = repeat_buyers / (repeat_buyers + HALF_SHRUNK_BUYERS / covered**2) if covered else 0.0
        model = OrderAverageChurn(orders, weights, horizon_days, shrinkage)
        return replace(model, mean_log_odds=float(log_odds(model.p_churn(current).to_numpy()).mean()))

    def load(self, folder: Path) -> OrderAverageChurn:
        """Read a model that `OrderAverageChurn.save` wrote, or an earlier one, the mean of three order models."""
        data = read_json(folder / CHURN_FILE)
        if "orders" in data:
            models = [{"kind": kind, "weight": 1 / len(data["orders"]), **model} for kind, model in data["orders"].items()]
        else:
            models = data["models"]
        orders = tuple(CLASSES[model["kind"]].from_json(model) for model in models)
        weights = tuple(model["weight"] for model in models)
        return OrderAverageChurn(orders, weights, data["horizon_days"], data["shrinkage"], data["average"])
