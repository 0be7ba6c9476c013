"""Purchase histories as the order models use them: frequency, recency and T, each distinct history once with a weight."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.frames.arrays import Array
from models.errors import InvalidHistoriesError

HISTORY_COLUMNS = ("frequency", "recency", "T")
MAX_KEY = 2**62
MAX_BINCOUNT = 1_000_000


@dataclass(frozen=True)
class Histories:
    """Arrays of one length: x (repeat purchases), t_x and T in one time unit, and the number of customers with that history.

    `z` holds the covariates, shape (rows, covariates); it has no columns in a model without covariates.
    """

    x: Array
    t_x: Array
    T: Array
    weight: Array
    z: Array

    @property
    def customer_count(self) -> float:
        """Return the sum of the weights."""
        return float(self.weight.sum())

    def every_nth(self, step: int) -> "Histories":
        """Return every `step`-th history; they are sorted, so this is an evenly spread sample."""
        return Histories(x=self.x[::step], t_x=self.t_x[::step], T=self.T[::step], weight=self.weight[::step], z=self.z[::step])


def build_histories(frame: pl.DataFrame, covariates: Sequence[pl.Expr] = ()) -> Histories:
    """Return the distinct histories of a frame with `frequency`, `recency`, `T`, optionally `weight`, and covariates.

    Raises InvalidHistoriesError when a column is missing, a value is null, negative or infinite, a frequency is not a whole
    number, a recency exceeds T, or no customer is left.
    """
    refuse_other_frames(frame)
    missing = [name for name in HISTORY_COLUMNS if name not in frame.columns]
    if missing:
        raise InvalidHistoriesError(f"The frame has no column {missing[0]}; an order model needs {', '.join(HISTORY_COLUMNS)}.")
    weight = [pl.col("weight").cast(pl.Float64)] if "weight" in frame.columns else []
    z = [value.cast(pl.Float64).alias(f"z{index}") for index, value in enumerate(covariates)]
    rows = frame.lazy().select(*(pl.col(name).cast(pl.Float64) for name in HISTORY_COLUMNS), *z, *weight).collect()
    grouped = _group_packed(rows) if not z and _can_pack(rows) else _group(rows)
    _refuse_invalid(grouped)
    x, t_x, T, weights = (grouped[name].to_numpy() for name in (*HISTORY_COLUMNS, "weight"))  # noqa: N806  # the papers' symbol
    covariate_values = grouped.select(pl.col("^z.*$")).to_numpy().reshape(grouped.height, len(z))
    return Histories(x=x, t_x=t_x, T=T, weight=weights, z=covariate_values)


def _group(rows: pl.DataFrame) -> pl.DataFrame:
    keys = [name for name in rows.columns if name != "weight"]
    weight = pl.col("weight").sum() if "weight" in rows.columns else pl.len().cast(pl.Float64).alias("weight")
    grouped = rows.lazy().group_by(keys).agg(weight).filter(pl.col("weight") != 0).sort(keys)
    return grouped.collect(engine="streaming")


def _can_pack(rows: pl.DataFrame) -> bool:
    """Return whether x, t_x and T are whole, finite and not negative, and together fit into one integer."""
    values = pl.col(HISTORY_COLUMNS)
    sizes = rows.select(values.max() + 1).row(0)
    valid = rows.select(((values >= 0) & values.is_finite() & (values == values.floor())).all(ignore_nulls=False)).row(0)
    return bool(rows.height and all(valid) and math.prod(sizes) < MAX_KEY)


def _group_packed(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the same as `_group`, ten times as fast, by packing x, t_x and T into one integer key and sorting it."""
    x, t_x, T = (pl.col(name).cast(pl.Int64) for name in HISTORY_COLUMNS)  # noqa: N806  # the papers' symbol
    T_size, t_x_size = (int(rows[name].max()) + 1 for name in ("T", "recency"))  # type: ignore[arg-type]  # noqa: N806  # of floats
    keyed = rows.select(((x * t_x_size + t_x) * T_size + T).alias("key"), *(["weight"] if "weight" in rows.columns else []))
    keyed = keyed.sort("key") if keyed.width > 1 else keyed["key"].sort().to_frame()
    key = keyed["key"].to_numpy()
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    weight = np.add.reduceat(keyed["weight"].to_numpy(), starts) if keyed.width > 1 else np.diff(starts, append=len(key))
    key = key[starts]
    columns = {"frequency": key // T_size // t_x_size, "recency": key // T_size % t_x_size, "T": key % T_size}
    return pl.DataFrame(columns).cast(pl.Float64).with_columns(weight=weight.astype(np.float64)).filter(pl.col("weight") != 0)


def refuse_other_frames(frame: object) -> None:
    """Raise InvalidHistoriesError for a frame of another library, with the way to convert it."""
    if isinstance(frame, pl.DataFrame):
        return
    library = type(frame).__module__.partition(".")[0]
    conversion = "call `.collect()` on it" if isinstance(frame, pl.LazyFrame) else "`polars.from_pandas(frame)` converts pandas"
    raise InvalidHistoriesError(f"Models take a polars DataFrame, found {library} {type(frame).__name__}; {conversion}.")


def history_arrays(frame: pl.DataFrame) -> tuple[Array, Array, Array]:
    """Return x, t_x and T of every row of a frame, in its order. Raises InvalidHistoriesError for another kind of frame."""
    refuse_other_frames(frame)
    x, t_x, T = (frame[name].cast(pl.Float64).to_numpy() for name in HISTORY_COLUMNS)  # noqa: N806  # the papers' symbol
    return x, t_x, T


def _refuse_invalid(grouped: pl.DataFrame) -> None:
    if grouped.is_empty():
        raise InvalidHistoriesError("There is no customer to fit an order model on.")
    x, t_x, T, weight = (grouped[name] for name in (*HISTORY_COLUMNS, "weight"))  # noqa: N806  # the papers' symbol
    not_finite = sum(int((~column.is_finite()).fill_null(value=True).sum()) for column in grouped.get_columns())
    problems = {
        "a null or infinite value": not_finite,
        "a negative value": int(((x < 0) | (t_x < 0) | (T < 0) | (weight < 0)).sum()),
        "a frequency that is not a whole number": int((x != x.floor()).sum()),
        "a recency above T": int((t_x > T).sum()),
        "a recency without a repeat purchase": int(((x == 0) & (t_x > 0)).sum()),
    }
    for problem, count in problems.items():
        if count:
            raise InvalidHistoriesError(
                f"{count:,} of {grouped.height:,} different purchase histories have {problem}; correct or drop them."
            )


def unique_inverse(values: Array) -> tuple[Array, NDArray[np.intp]]:
    """Return the sorted distinct values, and each value's index among them; NaN is not allowed."""
    if len(values) and values.min() >= 0 and values.max() < MAX_BINCOUNT:
        integers = values.astype(np.intp)
        if (integers == values).all():
            occurs = np.bincount(integers) > 0
            return np.flatnonzero(occurs).astype(np.float64), (np.cumsum(occurs) - 1)[integers]
    distinct = pl.Series(values).unique().sort().to_numpy()
    return distinct, np.searchsorted(distinct, values)
