"""Alarms for features that know what they should not: training stops and names them."""

import numpy as np
import polars as pl

from features.build import MODEL_FEATURES, features_as_of
from features.frames.columns import CUSTOMER
from features.frames.encoded import encode_tables
from features.norms import compute_norms
from features.partition import WHOLE, Part
from features.point_in_time import known_before
from features.tables.schema import Tables
from models.snapshot import Snapshot
from settings.errors import UserError
from settings.sections import Loyalty
from training.metrics import Array, auc

TOO_WELL = 0.97
MIN_ROWS = 200
CLOSE = 1e-8


class LeakageError(UserError):  # noqa: N818  # it names what happened, as the documentation does
    """A feature seems to know the future; the text names it and says why."""


def refuse_leaks(tables: Tables, snapshot: Snapshot, active_days: int, loyalty: Loyalty, part: Part = WHOLE) -> None:
    """Raise LeakageSuspected where a feature of a past day alone tells who left, or changes once later rows are taken away."""
    telling = too_telling(snapshot.frame)
    if telling:
        name, found = max(telling.items(), key=lambda item: item[1])
        raise LeakageError(
            f"Feature {name} alone tells who left after {snapshot.as_of} with an AUC of {found:.3f}; nothing that was known "
            "then can. Find where it looks ahead, or drop the column it comes from."
        )
    changed = changed_without_the_future(tables, snapshot, active_days, loyalty, part)
    if changed:
        raise LeakageError(
            f"Feature {changed[0]} as of {snapshot.as_of} changes when rows from that day on are taken away"
            + (f", and so do {len(changed) - 1} others." if changed[1:] else ".")
        )


def too_telling(frame: pl.DataFrame) -> dict[str, float]:
    """Return the features that alone rank who left with an AUC above .97, either way round; null counts as a value of its own."""
    churned = frame["churned"].cast(pl.Float64).to_numpy()
    if frame.height < MIN_ROWS or not 0 < churned.mean() < 1:
        return {}
    found = {name: _either_way(churned, frame[name]) for name in MODEL_FEATURES if frame[name].null_count() < frame.height}
    return {name: value for name, value in found.items() if value > TOO_WELL}


def _either_way(churned: Array, feature: pl.Series) -> float:
    values = feature.cast(pl.Float64).to_numpy()
    present = ~np.isnan(values)
    scores = [auc(churned, np.where(present, values, end)) for end in (values[present].min() - 1, values[present].max() + 1)]
    return max(*scores, *(1 - score for score in scores))


def changed_without_the_future(
    tables: Tables, snapshot: Snapshot, active_days: int, loyalty: Loyalty, part: Part = WHOLE
) -> list[str]:
    """Return the features of a snapshot of `part` that are others once everything from its day on is taken out of the tables."""
    day = snapshot.as_of
    known = known_before(tables, day)
    encoded = encode_tables(known, part)
    again = features_as_of(encoded, day, active_days, loyalty, compute_norms(encoded.tables, day, known))
    names = list(MODEL_FEATURES)
    both = snapshot.frame.select(CUSTOMER, *names).join(again.select(CUSTOMER, *names), on=CUSTOMER, suffix=":again")
    return [name for name in names if _differs(both[name], both[f"{name}:again"])]


def _differs(one: pl.Series, other: pl.Series) -> bool:
    first, second = one.cast(pl.Float64).to_numpy(), other.cast(pl.Float64).to_numpy()
    return not np.allclose(first, second, rtol=CLOSE, atol=CLOSE, equal_nan=True)
