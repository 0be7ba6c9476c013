"""Purchase histories as the order models take them: frequency, recency and T, equal ones once with a weight."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.errors import InvalidHistoriesError
from models.log_odds import Array

COLUMNS = ("frequency", "recency", "T")
LARGEST_KEY = 2**62
MAX_WHOLE = 1_000_000


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
        raise InvalidHistoriesError(f"The frame has no column {missing[0]}; an order model needs {', '.join(COLUMNS)}.")
    weight = [pl.col("weight").cast(pl.Float64)] if "weight" in frame.columns else []
    z = [value.cast(pl.Float64).alias(f"z{place}") for place, value in enumerate(covariates)]
    rows = frame.lazy().select(*(pl.col(name).cast(pl.Float64) for name in COLUMNS), *z, *weight).collect()
    found = _packed(rows) if not z and _whole(rows) else _grouped(rows)
    _refuse_bad(found)
    x, t_x, T, customers = (found[name].to_numpy() for name in (*COLUMNS, "weight"))  # noqa: N806  # the papers' symbol
    return Histories(x, t_x, T, customers, found.select(pl.col("^z.*$")).to_numpy().reshape(found.height, len(z)))


def _grouped(rows: pl.DataFrame) -> pl.DataFrame:
    keys = [name for name in rows.columns if name != "weight"]
    weight = pl.col("weight").sum() if "weight" in rows.columns else pl.len().cast(pl.Float64).alias("weight")
    grouped = rows.lazy().group_by(keys).agg(weight).filter(pl.col("weight") != 0).sort(keys)
    return grouped.collect(engine="streaming")


def _whole(rows: pl.DataFrame) -> bool:
    """Whether x, t_x and T are whole, finite, not negative, and together fit into one whole number."""
    values = pl.col(COLUMNS)
    most = rows.select(values.max() + 1).row(0)
    sound = rows.select(((values >= 0) & values.is_finite() & (values == values.floor())).all(ignore_nulls=False)).row(0)
    return bool(rows.height and all(sound) and math.prod(most) < LARGEST_KEY)


def _packed(rows: pl.DataFrame) -> pl.DataFrame:
    """The same as `_grouped`, an order of magnitude faster: one whole number stands for x, t_x and T, and is sorted."""
    x, t_x, T = (pl.col(name).cast(pl.Int64) for name in COLUMNS)  # noqa: N806  # the papers' symbol
    longest, last = (int(rows[name].max()) + 1 for name in ("T", "recency"))  # type: ignore[arg-type]  # of floats
    keyed = rows.select(((x * last + t_x) * longest + T).alias("key"), *(["weight"] if "weight" in rows.columns else []))
    keyed = keyed.sort("key") if keyed.width > 1 else keyed["key"].sort().to_frame()
    key = keyed["key"].to_numpy()
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    weight = np.add.reduceat(keyed["weight"].to_numpy(), starts) if keyed.width > 1 else np.diff(starts, append=len(key))
    key = key[starts]
    columns = {"frequency": key // longest // last, "recency": key // longest % last, "T": key % longest}
    return pl.DataFrame(columns).cast(pl.Float64).with_columns(weight=weight.astype(np.float64)).filter(pl.col("weight") != 0)


def arrays(frame: pl.DataFrame) -> tuple[Array, Array, Array]:
    """Return x, t_x and T of every row of a frame, in its order."""
    x, t_x, T = (frame[name].cast(pl.Float64).to_numpy() for name in COLUMNS)  # noqa: N806  # the papers' symbol
    return x, t_x, T


def _refuse_bad(found: pl.DataFrame) -> None:
    if found.is_empty():
        raise InvalidHistoriesError("There is no customer to fit an order model on.")
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
            raise InvalidHistoriesError(
                f"{rows:,} of {found.height:,} different purchase histories have {what}; correct or drop them."
            )


def unique(values: Array) -> tuple[Array, NDArray[np.intp]]:
    """Return the different values in order, and the place among them of each; none may be NaN."""
    if len(values) and values.min() >= 0 and values.max() < MAX_WHOLE:
        whole = values.astype(np.intp)
        if (whole == values).all():
            seen = np.bincount(whole) > 0
            return np.flatnonzero(seen).astype(np.float64), (np.cumsum(seen) - 1)[whole]
    different = pl.Series(values).unique().sort().to_numpy()
    return different, np.searchsorted(different, values)
