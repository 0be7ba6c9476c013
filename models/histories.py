"""Purchase histories as the order models take them: frequency, recency and T, equal ones once with a weight."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from models.errors import BadHistories
from models.log_odds import Array

COLUMNS = ("frequency", "recency", "T")


@dataclass(frozen=True)
class Histories:
    """Arrays of one length: x (repeat purchases), t_x and T in one time unit, and how many customers share the row.

    `z` holds the covariates, shape (rows, covariates); mostly there are none.
    """

    x: Array
    t_x: Array
    T: Array
    weight: Array
    z: Array

    @property
    def customers(self) -> float:
        """How many customers there are in all."""
        return float(self.weight.sum())

    def scaled(self, unit: float) -> "Histories":
        """Return the same histories in a time unit `unit` times as long."""
        return Histories(self.x, self.t_x / unit, self.T / unit, self.weight, self.z)

    def every(self, step: int) -> "Histories":
        """Return every `step`-th of the histories, which stand in order: a spread-out sample."""
        return Histories(*(column[::step] for column in (self.x, self.t_x, self.T, self.weight, self.z)))


def histories(frame: pl.DataFrame, covariates: Sequence[pl.Expr] = ()) -> Histories:
    """Return the different histories of a frame with `frequency`, `recency`, `T` and maybe `weight`, and covariates.

    Raises BadHistories when a column is missing, a value is null, negative or infinite, a frequency is no whole number,
    a recency exceeds T, or nobody is left.
    """
    missing = [name for name in COLUMNS if name not in frame.columns]
    if missing:
        raise BadHistories(f"The frame has no column {missing[0]}; an order model needs {', '.join(COLUMNS)}.")
    weight = pl.col("weight").cast(pl.Float64) if "weight" in frame.columns else pl.lit(1.0)
    z = [value.cast(pl.Float64).alias(f"z{place}") for place, value in enumerate(covariates)]
    rows = frame.lazy().select(*(pl.col(name).cast(pl.Float64) for name in COLUMNS), *z, weight.alias("weight"))
    keys = [*COLUMNS, *(f"z{place}" for place in range(len(z)))]
    grouped = rows.group_by(keys).agg(pl.col("weight").sum()).filter(pl.col("weight") != 0).sort(keys)
    found = grouped.collect(engine="streaming")
    _refuse_bad(found)
    x, t_x, T, customers = (found[name].to_numpy() for name in (*COLUMNS, "weight"))  # noqa: N806  # the papers' symbol
    return Histories(x, t_x, T, customers, found.select(keys[len(COLUMNS) :]).to_numpy().reshape(found.height, len(z)))


def arrays(frame: pl.DataFrame) -> tuple[Array, Array, Array]:
    """Return x, t_x and T of every row of a frame, in its order."""
    x, t_x, T = (frame[name].cast(pl.Float64).to_numpy() for name in COLUMNS)  # noqa: N806  # the papers' symbol
    return x, t_x, T


def _refuse_bad(found: pl.DataFrame) -> None:
    if found.is_empty():
        raise BadHistories("There is no customer to fit an order model on.")
    x, t_x, T, weight = (found[name] for name in (*COLUMNS, "weight"))  # noqa: N806  # the papers' symbol
    wrong = {
        "a null or infinite value": sum(int((~column.is_finite()).fill_null(value=True).sum()) for column in found.get_columns()),
        "a negative value": int(((x < 0) | (t_x < 0) | (T < 0) | (weight < 0)).sum()),
        "a frequency that is no whole number": int((x != x.floor()).sum()),
        "a recency above T": int((t_x > T).sum()),
        "a recency without a repeat purchase": int(((x == 0) & (t_x > 0)).sum()),
    }
    for what, rows in wrong.items():
        if rows:
            raise BadHistories(f"{rows:,} of {found.height:,} different purchase histories have {what}; correct or drop them.")


def unique(values: Array) -> tuple[Array, np.ndarray]:
    """Return the different values in order, and the place among them of each."""
    different = pl.Series(values).unique().sort().to_numpy()
    return different, np.searchsorted(different, values)
