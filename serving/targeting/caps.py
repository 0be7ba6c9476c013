"""Limits on how many customers a week treats: by loyalty segment, by owner, of one-time buyers, and in total."""

import polars as pl

from features.frames.columns import CUSTOMER
from serving.targeting.exclusions import Exclusion
from serving.targeting.ordering import LEFT_OUT, OWNER, POSITION, exclude, list_positions
from settings.sections import Caps


def apply_caps(frame: pl.DataFrame, caps: Caps) -> pl.DataFrame:
    """Exclude the customers beyond each cap, in list order; the owner counted is that of the best action."""
    for segment, cap in caps.segment.items():
        frame = _exclude_beyond(frame, pl.col("loyalty_segment") == segment, cap, Exclusion.CAP_SEGMENT)
    for owner, cap in caps.owner.items():
        frame = _exclude_beyond(frame, pl.col(OWNER) == owner, cap, Exclusion.CAP_OWNER)
    if caps.one_time is not None:
        frame = _exclude_beyond(frame, pl.col("orders") == 1, caps.one_time, Exclusion.CAP_ONE_TIME)
    return frame if caps.week is None else _exclude_beyond(frame, pl.lit(value=True), caps.week, Exclusion.CAP_WEEK)


def apply_owner_caps(decided: pl.DataFrame, caps: Caps) -> pl.DataFrame:
    """Apply the owner caps again to the chosen actions: a budget may choose another action than the best one."""
    for owner, cap in caps.owner.items():
        decided = _exclude_beyond(decided, pl.col("owner") == owner, cap, Exclusion.CAP_OWNER)
    return decided


def _exclude_beyond(frame: pl.DataFrame, group: pl.Expr, cap: int, exclusion: Exclusion) -> pl.DataFrame:
    """Exclude the rows of a group that come after `cap` treated ones.

    A row counts the treated rows before it only, so whether it stays does not depend on its own arm.
    """
    ordered = frame.with_columns(list_positions(frame)).sort(POSITION)
    in_group = pl.col(LEFT_OUT).is_null() & group.fill_null(value=False)
    treated = (in_group & (pl.col("arm") == "treated")).cast(pl.Int64)
    return exclude(ordered, in_group & (treated.cum_sum() - treated >= cap), exclusion).drop(POSITION).sort(CUSTOMER)
