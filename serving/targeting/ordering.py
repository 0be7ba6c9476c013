"""Private columns of a plan, the order of its customers, and how one is excluded."""

import numpy as np
import polars as pl

from features.frames.columns import CUSTOMER
from serving.targeting.exclusions import Exclusion
from serving.targeting.rules import Target

TARGET_PRIORITY = (Target.RECOVERY, Target.RETENTION, Target.WIN_BACK)
SERVICE_TARGETS = frozenset({Target.RECOVERY})
BEST_GAIN, IS_WORTH_IT, OWNER, POSITION, LEFT_OUT = "_best", "_worth_it", "_owner", "_place", "left_out"


def list_positions(frame: pl.DataFrame) -> pl.Series:
    """Return POSITION: the order by target, then by gain of the best action, ties by customer."""
    priorities = {target.value: priority for priority, target in enumerate(TARGET_PRIORITY)}
    ranked = frame.select(
        pl.col("target").replace_strict(priorities, return_dtype=pl.Int64).alias("target"), BEST_GAIN, CUSTOMER
    ).with_row_index("row")
    order = ranked.sort("target", BEST_GAIN, CUSTOMER, descending=[False, True, False], nulls_last=True)
    return pl.Series(POSITION, np.argsort(order["row"].to_numpy()), dtype=pl.UInt32)


def exclude(frame: pl.DataFrame, where: pl.Expr, exclusion: Exclusion) -> pl.DataFrame:
    """Set `left_out` to this exclusion for the rows `where` holds and that are not excluded yet."""
    newly_excluded = pl.col(LEFT_OUT).is_null() & where.fill_null(value=False)
    left_out = pl.when(newly_excluded).then(pl.lit(exclusion.value)).otherwise(pl.col(LEFT_OUT))
    return frame.with_columns(left_out.alias(LEFT_OUT))
