"""What all LightGBM models share: inputs, predictions, contributions by feature and family, and the minimum of data."""

import re
from functools import reduce
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
import pyarrow as pa

from features.build import FAMILIES, MODEL_FEATURES
from features.frames.arrays import Array
from models.btyd.pair import BTYD_COLUMNS
from models.checksums import DamagedFileError
from models.errors import TooLittleDataError
from models.files import read_text
from models.threads import map_in_threads

INPUTS = (*MODEL_FEATURES, *BTYD_COLUMNS)
FEATURE_FAMILY = {feature.name: family for family, members in FAMILIES.items() for feature in members} | dict.fromkeys(
    BTYD_COLUMNS, "recency"
)
BLOCK_ROWS = 20_000
# LightGBM keeps its number of threads in a global: calls side by side with different numbers write beyond each other's buffers.
THREADS_PER_CALL = 1
MIN_ROWS, MIN_OF_A_KIND, MIN_BUYERS = 200, 20, 100
TREE_SIZES, END_OF_TREES = "\ntree_sizes=", "\nend of trees\n"
END_OF_TEXT = re.compile(r"\nend of parameters\n\s*pandas_categorical:(null|\[.*\])\s*\Z")


def load_booster(path: Path) -> lgb.Booster:
    """Read a booster's text. Raises DamagedFileError if it is missing or cut.

    LightGBM itself reads beyond the end of a cut text, and may end the whole process.
    """
    text = read_text(path)
    if "\0" in text or not END_OF_TEXT.search(text) or not _has_all_trees(text):
        raise DamagedFileError(path, "is cut or not the text of a booster")
    try:
        return lgb.Booster(model_str=text)
    except lgb.basic.LightGBMError:
        raise DamagedFileError(path, "is not the text of a booster") from None


def _has_all_trees(text: str) -> bool:
    """Whether the trees take up as many bytes as the header says."""
    header, first_tree, trees = text.partition("\nTree=0\n")
    sizes = header.partition(TREE_SIZES)[2].partition("\n")[0].split()
    bodies, end, _ = trees.partition(END_OF_TREES)
    if not (first_tree and end and all(size.isdigit() for size in sizes)):
        return not first_tree and END_OF_TREES in text and not sizes
    return sum(map(int, sizes)) == len(f"{first_tree}{bodies}".encode())


def input_table(frame: pl.DataFrame, inputs: tuple[str, ...] = INPUTS) -> pa.Table:
    """Return the input columns of the trees, in their order, as floats."""
    return frame.select(pl.col(inputs).cast(pl.Float64)).to_arrow()


def raw_scores(booster: lgb.Booster, frame: pl.DataFrame, inputs: tuple[str, ...] = INPUTS) -> Array:
    """Return the sum of the trees for each row: log-odds, or the logarithm of a mean."""
    return predict(booster, frame, inputs, raw_score=True)


def predict(booster: lgb.Booster, frame: pl.DataFrame, inputs: tuple[str, ...], **options: bool) -> Array:
    """Return the prediction for each row, computed in blocks side by side; `options` go to LightGBM's `predict`.

    Rows are passed as NumPy arrays: for a single row, building an Arrow table takes longer than the trees do.
    """

    def predict_block(block: pl.DataFrame) -> Array:
        return np.asarray(booster.predict(_dense(block), **options, num_threads=THREADS_PER_CALL), dtype=np.float64)

    blocks = list(frame.select(pl.col(inputs).cast(pl.Float64)).iter_slices(BLOCK_ROWS))
    predictions = map_in_threads(predict_block, blocks)
    return np.concatenate(predictions) if predictions else np.empty(0)


def _dense(block: pl.DataFrame) -> Array:
    """Return the rows as an array; null becomes NaN, which the trees treat as missing."""
    return np.ascontiguousarray(block.to_numpy())


def feature_contributions(booster: lgb.Booster, frame: pl.DataFrame, inputs: tuple[str, ...] = INPUTS) -> pl.DataFrame:
    """Return the trees' own contributions (Lundberg et al. 2020, doi:10.1038/s42256-019-0138-9), a column per input."""
    contributions = predict(booster, frame, inputs, pred_contrib=True)[:, :-1]  # LightGBM's last column is the average
    return pl.DataFrame(contributions, schema=list(inputs))


def sum_by_family(contributions: pl.DataFrame) -> pl.DataFrame:
    """Sum contributions by feature family.

    Columns are added one after the other, so a row's sum is the same to the last digit whatever the number of rows.
    """
    families: dict[str, list[Array]] = {}
    for column in contributions.get_columns():
        families.setdefault(FEATURE_FAMILY.get(column.name, "other"), []).append(column.to_numpy())
    return pl.DataFrame({family: reduce(np.add, columns) for family, columns in families.items()})


def churn_labels(frame: pl.DataFrame) -> Array:
    """Return the label: 1 without a purchase in the window, else 0."""
    return frame["churned"].cast(pl.Float64).to_numpy()


def refuse_few_buyers(frames: list[pl.DataFrame]) -> None:
    """Raise TooLittleDataError below 100 customer windows with spend above 0."""
    buyers = sum(int((frame["next_spend"] > 0).sum()) for frame in frames)
    if buyers < MIN_BUYERS:
        raise TooLittleDataError(f"A value model needs {MIN_BUYERS} customer windows with spend above 0; found {buyers}.")


def refuse_too_little(model: str, frames: list[pl.DataFrame]) -> None:
    """Raise TooLittleDataError below 200 customer windows, or below 20 with either outcome; `model` starts the sentence."""
    rows, churned = sum(frame.height for frame in frames), sum(int(frame["churned"].sum()) for frame in frames)
    if rows < MIN_ROWS or min(churned, rows - churned) < MIN_OF_A_KIND:
        raise TooLittleDataError(
            f"{model} needs {MIN_ROWS} customer windows with {MIN_OF_A_KIND} of each outcome; "
            f"found {rows}, of which {churned} churned."
        )
