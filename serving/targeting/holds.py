"""How long earlier lists keep a customer from being contacted: the pause after a contact, and the hold of the control group.

Service and marketing look at their own lists only: a complaint does not wait because marketing wrote last week.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from serving.targeting.ordering import SERVICE_TARGETS
from serving.targeting.rules import Target

DAYS_LEFT, BY_SERVICE, IS_OWN_LIST = "days_left", "by_service", "is_own_list"


@dataclass(frozen=True)
class Hold:
    """Why a customer is not to be contacted before `until`: held out by a list, or treated by it `days` days ago.

    `of_household` says that another customer of the household was.
    """

    list_id: str
    is_control: bool
    days: int
    until: date
    of_household: bool = False


def is_service(target: pl.Expr) -> pl.Expr:
    """Return whether targets are the work of service; the others are marketing's."""
    return target.is_in([service.value for service in SERVICE_TARGETS])


def with_days_left(rows: pl.DataFrame, target: pl.Expr, pause_days: int) -> pl.DataFrame:
    """Add for how many more days earlier lists keep customers from being contacted.

    `rows` has `serving.store.lists.EARLIER_COLUMNS`; `target` is the customer's present target. DAYS_LEFT is `hold` - `days`
    for a control row and `pause_days` - `days` for a treated one. A hold lasts while DAYS_LEFT is above 0: from the day the list
    starts (`days` = 0) to the day before `days` reaches `hold` or `pause_days`. BY_SERVICE says whose list it is. IS_OWN_LIST
    marks this week's list for the present target: it may be issued again, so the plan ignores it.
    """
    length = pl.when(pl.col("arm") == "treated").then(pause_days).otherwise("hold")
    return rows.with_columns(
        (length - pl.col("days")).alias(DAYS_LEFT),
        is_service(pl.col("target")).alias(BY_SERVICE),
        (pl.col("this_week") & (pl.col("target") == target)).alias(IS_OWN_LIST),
    )


def current_hold(rows: pl.DataFrame, target: Target, pause_days: int) -> Hold | None:
    """Return the hold that keeps one customer from being contacted for `target`; None without one.

    `rows` has EARLIER_COLUMNS, `list_id` and `start` of the lists of this customer and the household. A control group comes
    before a pause; of several holds of a kind the longest counts. This week's own list does not pause, because it asks for the
    contact; its control group counts.
    """
    holds = with_days_left(rows, pl.lit(target.value), pause_days).filter(
        pl.col(DAYS_LEFT) > 0,
        pl.col(BY_SERVICE) == (target in SERVICE_TARGETS),
        (pl.col("arm") == "control") | ~pl.col(IS_OWN_LIST),
    )
    for row in holds.sort("arm", DAYS_LEFT, descending=[False, True], maintain_order=True).head(1).iter_rows(named=True):
        until = row["start"] + timedelta(days=row["days"] + row[DAYS_LEFT])
        is_control, of_household = row["arm"] == "control", bool(row.get("of_household"))
        return Hold(row["list_id"], is_control=is_control, days=row["days"], until=until, of_household=of_household)
    return None
