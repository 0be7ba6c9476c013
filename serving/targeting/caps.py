"""How many customers a week may take: by loyalty segment, owner, one-time buyers, and in all."""

import polars as pl

from features.frames.columns import CUSTOMER
from serving.targeting.exclusions import Exclusion
from serving.targeting.ordering import OWNER, PLACE, WHY, exclude, placed
from settings.sections import Caps


def capped(frame: pl.DataFrame, caps: Caps) -> pl.DataFrame:
    """Keep the first of each group so long as those treated before stay below the cap; the owner is the best action's."""
    for name, most in caps.segment.items():
        frame = _first(frame, pl.col("loyalty_segment") == name, most, Exclusion.CAP_SEGMENT)
    for name, most in caps.owner.items():
        frame = _first(frame, pl.col(OWNER) == name, most, Exclusion.CAP_OWNER)
    if caps.one_time is not None:
        frame = _first(frame, pl.col("orders") == 1, caps.one_time, Exclusion.CAP_ONE_TIME)
    return frame if caps.week is None else _first(frame, pl.lit(value=True), caps.week, Exclusion.CAP_WEEK)


def owners_capped(decided: pl.DataFrame, caps: Caps) -> pl.DataFrame:
    """Once more by the owner of the action that was chosen: a budget may have chosen another one than the best."""
    for name, most in caps.owner.items():
        decided = _first(decided, pl.col("owner") == name, most, Exclusion.CAP_OWNER)
    return decided


def _first(frame: pl.DataFrame, where: pl.Expr, most: int, why: Exclusion) -> pl.DataFrame:
    """Whether a row stays does not depend on whether it is treated itself."""
    ordered = frame.with_columns(placed(frame)).sort(PLACE)
    within = pl.col(WHY).is_null() & where.fill_null(value=False)
    treated = (within & (pl.col("arm") == "treated")).cast(pl.Int64)
    return exclude(ordered, within & (treated.cum_sum() - treated >= most), why).drop(PLACE).sort(CUSTOMER)
