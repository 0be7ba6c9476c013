"""Columns of a plan in the making, the order in which customers come, and how one is left out."""

import numpy as np
import polars as pl

from features.frames.columns import CUSTOMER
from serving.targeting.exclusions import Exclusion
from serving.targeting.rules import Target

PRIORITY = (Target.RECOVERY, Target.RETENTION, Target.WIN_BACK)
SERVICE = frozenset({Target.RECOVERY})
BEST, OWNER, PLACE, WHY = "_best", "_owner", "_place", "left_out"


def placed(frame: pl.DataFrame) -> pl.Series:
    """Return PLACE: by target, then by what the best action gains, ties by customer."""
    places = {each.value: place for place, each in enumerate(PRIORITY)}
    ranked = frame.select(
        pl.col("target").replace_strict(places, return_dtype=pl.Int64).alias("target"), BEST, CUSTOMER
    ).with_row_index("row")
    order = ranked.sort("target", BEST, CUSTOMER, descending=[False, True, False], nulls_last=True)
    return pl.Series(PLACE, np.argsort(order["row"].to_numpy()), dtype=pl.UInt32)


def exclude(frame: pl.DataFrame, where: pl.Expr, why: Exclusion) -> pl.DataFrame:
    """Return the frame with this reason for those who have none yet."""
    left = pl.when(pl.col(WHY).is_null() & where.fill_null(value=False)).then(pl.lit(why.value)).otherwise(pl.col(WHY))
    return frame.with_columns(left.alias(WHY))
