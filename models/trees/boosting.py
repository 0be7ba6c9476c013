"""What every LightGBM model here shares: inputs, sums and contributions of the trees, and how little is too little."""

from functools import reduce

import lightgbm as lgb
import numpy as np
import polars as pl
import pyarrow as pa

from features.build import FAMILIES, MODEL_FEATURES
from models.btyd.pair import COLUMNS
from models.errors import TooLittleDataError
from models.log_odds import Array

INPUTS = (*MODEL_FEATURES, *COLUMNS)
FAMILY_OF = {feature.name: family for family, members in FAMILIES.items() for feature in members} | dict.fromkeys(
    COLUMNS, "recency"
)
BLOCK, WORTH_THREADS = 50_000, 1_000
MIN_ROWS, MIN_OF_A_KIND, MIN_BUYERS = 200, 20, 100


def matrix(frame: pl.DataFrame, inputs: tuple[str, ...] = INPUTS) -> pa.Table:
    """Return the columns the trees take, in their order, as floats."""
    return frame.select(pl.col(inputs).cast(pl.Float64)).to_arrow()


def raw(booster: lgb.Booster, frame: pl.DataFrame, inputs: tuple[str, ...] = INPUTS) -> Array:
    """Return the sum of the trees for each row: log-odds, or the logarithm of a mean."""
    return predicted(booster, frame, inputs, raw_score=True)


def predicted(booster: lgb.Booster, frame: pl.DataFrame, inputs: tuple[str, ...], **how: bool) -> Array:
    """Return what the trees say of each row, in blocks: for one row, an Arrow table costs more than the trees themselves."""
    blocks = frame.select(pl.col(inputs).cast(pl.Float64)).iter_slices(BLOCK)
    said = [np.asarray(booster.predict(_rows(block), **how, num_threads=_threads(block)), dtype=np.float64) for block in blocks]
    return np.concatenate(said) if said else np.empty(0)


def _threads(block: pl.DataFrame) -> int:
    """For a few rows, waking another thread takes longer than the rows do; 0 means all there are."""
    return 1 if block.height < WORTH_THREADS else 0


def _rows(block: pl.DataFrame) -> Array:
    """Null is NaN, which the trees know as missing."""
    return np.ascontiguousarray(block.to_numpy())


def by_feature(booster: lgb.Booster, frame: pl.DataFrame, inputs: tuple[str, ...] = INPUTS) -> pl.DataFrame:
    """Return the trees' own contributions (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9), a column per input."""
    shares = predicted(booster, frame, inputs, pred_contrib=True)[:, :-1]
    return pl.DataFrame(shares, schema=list(inputs))


def by_family(shares: pl.DataFrame) -> pl.DataFrame:
    """Sum contributions by feature family, one column after the other: the same to the last digit however many rows there are."""
    families: dict[str, list[Array]] = {}
    for column in shares.get_columns():
        families.setdefault(FAMILY_OF.get(column.name, "other"), []).append(column.to_numpy())
    return pl.DataFrame({family: reduce(np.add, columns) for family, columns in families.items()})


def churned(frame: pl.DataFrame) -> Array:
    """Return the label: 1 without a purchase in the window, else 0."""
    return frame["churned"].cast(pl.Float64).to_numpy()


def refuse_few_buyers(frames: list[pl.DataFrame]) -> None:
    """Raise TooLittleData below 100 customer windows with some spend."""
    bought = sum(int((frame["next_spend"] > 0).sum()) for frame in frames)
    if bought < MIN_BUYERS:
        raise TooLittleDataError(f"Spend is learned from at least {MIN_BUYERS} customer windows with some; found {bought}.")


def refuse_too_little(who: str, frames: list[pl.DataFrame]) -> None:
    """Raise TooLittleData below 200 rows, or below 20 of those who stayed or of those who left."""
    rows, left = sum(frame.height for frame in frames), sum(int(frame["churned"].sum()) for frame in frames)
    if rows < MIN_ROWS or min(left, rows - left) < MIN_OF_A_KIND:
        raise TooLittleDataError(
            f"{who} needs {MIN_ROWS} customer windows with {MIN_OF_A_KIND} of each outcome; "
            f"found {rows}, of which {left} churned."
        )
