"""Checks for features that know the future: training stops with a message that names them."""

import numpy as np
import polars as pl

from features.build import MODEL_FEATURES, features_as_of
from features.frames.arrays import Array
from features.frames.columns import CUSTOMER
from features.frames.encoded import encode_tables
from features.norms import compute_norms
from features.partition import ALL_CUSTOMERS, Part
from features.point_in_time import known_before
from features.tables.schema import Tables
from models.snapshot import Snapshot
from settings.errors import UserError
from settings.sections import Loyalty
from training.metrics import auc

MAX_FEATURE_AUC = 0.97
MIN_ROWS = 200
TOLERANCE = 1e-8


class LeakageError(UserError):
    """A feature, or a candidate, seems to know the future; the message names it and gives the evidence."""


def refuse_leaks(tables: Tables, snapshot: Snapshot, active_days: int, loyalty: Loyalty, part: Part = ALL_CUSTOMERS) -> None:
    """Raise LeakageError where a single feature identifies the churners, or a feature depends on rows from its day on."""
    suspicious = suspicious_features(snapshot.frame)
    if suspicious:
        name, value = max(suspicious.items(), key=lambda item: item[1])
        raise LeakageError(
            f"Feature {name} alone identifies who left after {snapshot.as_of}, with an AUC of {value:.3f}; nothing known on that "
            "day can. Find where it looks ahead, or drop the column it comes from."
        )
    changed = features_using_the_future(tables, snapshot, active_days, loyalty, part)
    if changed:
        raise LeakageError(
            f"Feature {changed[0]} as of {snapshot.as_of} changes when rows from that day on are removed"
            + (f", and so do {len(changed) - 1} others." if changed[1:] else ".")
        )


def suspicious_features(frame: pl.DataFrame) -> dict[str, float]:
    """Return the features that alone rank the churners with an AUC above .97, in either direction; null is a value of its own.

    Empty with fewer than 200 rows, or where only one outcome occurs.
    """
    churned = frame["churned"].cast(pl.Float64).to_numpy()
    if frame.height < MIN_ROWS or not 0 < churned.mean() < 1:
        return {}
    aucs = {name: _best_auc(churned, frame[name]) for name in MODEL_FEATURES if frame[name].null_count() < frame.height}
    return {name: value for name, value in aucs.items() if value > MAX_FEATURE_AUC}


def _best_auc(churned: Array, feature: pl.Series) -> float:
    values = feature.cast(pl.Float64).to_numpy()
    present = ~np.isnan(values)
    fills = (values[present].min() - 1, values[present].max() + 1)
    scores = [auc(churned, np.where(present, values, fill)) for fill in fills]
    return max(*scores, *(1 - score for score in scores))


def features_using_the_future(
    tables: Tables, snapshot: Snapshot, active_days: int, loyalty: Loyalty, part: Part = ALL_CUSTOMERS
) -> list[str]:
    """Return the features of a snapshot of `part` that change once all rows from its day on are removed from the tables."""
    day = snapshot.as_of
    known = known_before(tables, day)
    encoded = encode_tables(known, part)
    rebuilt = features_as_of(encoded, day, active_days, loyalty, compute_norms(encoded.tables, day, known))
    names = list(MODEL_FEATURES)
    pairs = snapshot.frame.select(CUSTOMER, *names).join(rebuilt.select(CUSTOMER, *names), on=CUSTOMER, suffix=":rebuilt")
    return [name for name in names if _differs(pairs[name], pairs[f"{name}:rebuilt"])]


def _differs(feature: pl.Series, rebuilt: pl.Series) -> bool:
    first, second = feature.cast(pl.Float64).to_numpy(), rebuilt.cast(pl.Float64).to_numpy()
    return not np.allclose(first, second, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
