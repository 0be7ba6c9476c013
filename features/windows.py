"""Churn horizon and activity window: as configured, or proposed from the gaps between purchases."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from features.known import known_before
from features.purchases import CUSTOMER, DAY, customer_days, occasions
from features.tables.schema import Tables
from settings.sections import Churn

HORIZON_QUANTILE = 0.80
ACTIVE_QUANTILE = 0.95
SHORTEST, LONGEST = 7, 1095


@dataclass(frozen=True)
class Windows:
    """Both windows in whole days."""

    horizon_days: int
    active_days: int


def windows(churn: Churn, tables: Tables, as_of: date) -> Windows:
    """Return the windows of the configuration; `"auto"` becomes a quantile of the known gaps.

    The horizon is the gap within which 80 % of next purchases come, the activity window that of 95 %, both
    between a week and three years; a log without a repeat purchase keeps the defaults 90 and 365.
    """
    if churn.horizon_days != "auto" and churn.active_days != "auto":
        return Windows(churn.horizon_days, churn.active_days)
    horizon, active = _proposed(tables, as_of)
    return Windows(
        horizon if churn.horizon_days == "auto" else churn.horizon_days,
        active if churn.active_days == "auto" else churn.active_days,
    )


def _proposed(tables: Tables, as_of: date) -> tuple[int, int]:
    days = occasions(customer_days(known_before(tables, as_of).transactions))
    gap = pl.col(DAY).sort().diff().dt.total_days().drop_nulls()
    gaps = days.group_by(CUSTOMER).agg(gap.alias("gap")).explode("gap").drop_nulls()
    quantiles = (
        gaps.select(h=pl.col("gap").quantile(HORIZON_QUANTILE), a=pl.col("gap").quantile(ACTIVE_QUANTILE)).collect().row(0)
    )
    horizon, active = (
        default if days is None else round(min(max(days, SHORTEST), LONGEST))
        for days, default in zip(quantiles, (90, 365), strict=True)
    )
    return horizon, max(horizon, active)
