"""Customers by value and time since their order: for a shop in which nobody has bought again, so that no model can be fitted."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from features.build import build_features
from features.frames.columns import CUSTOMER
from features.storage.hashing import HashedIds
from features.tables.schema import Tables
from features.windows import churn_windows
from models.errors import TooLittleDataError
from serving.scoring.contactability import consent_set_aside, with_contactability
from serving.scoring.merged import is_withheld, merged_ids
from settings.sections import Settings

COLUMNS = (CUSTOMER, "status", "recency_days", "orders", "historic_value", "value_group", "recency_group")
VALUE_GROUPS = ("lowest third", "middle third", "highest third")
RECENCY_GROUPS = ("most recent third", "middle third", "longest silent third")


@dataclass(frozen=True)
class RecencyValueList:
    """The rows (rank and COLUMNS), and how many customers may not be contacted, so that they are not among them."""

    as_of: date
    rows: pl.DataFrame
    barred: int

    @property
    def sentence(self) -> str:
        """What the list says, and what it cannot say."""
        return (
            f"Customers as of {self.as_of} by value, and within thirds of value by the time since their order. Nobody has bought "
            "again so far, so nothing here predicts who will: the list was not issued, has no control group and expects no gain."
        )

    def groups(self) -> pl.DataFrame:
        """Return value_group, customers, spend, and the least and most days since the order; the highest value first."""
        days = pl.col("recency_days")
        spend = pl.col("historic_value").sum().alias("spend")
        return self.rows.group_by("value_group", maintain_order=True).agg(
            pl.len().alias("customers"), spend, days.min().alias("least"), days.max().alias("most")
        )


def list_by_recency_and_value(settings: Settings, tables: Tables, as_of: date, suppressed: HashedIds) -> RecencyValueList:
    """Return every customer with a purchase before `as_of` who may be contacted.

    `historic_value` is net spend. Groups are thirds of the customers listed; equal customers are in one group. Raises
    TooLittleDataError if nobody has a purchase.
    """
    active_days = churn_windows(settings.churn, tables, as_of).active_days
    buyers = build_features(tables, as_of, active_days, settings.loyalty).filter(pl.col("orders") > 0)
    if buyers.is_empty():
        raise TooLittleDataError(f"Before {as_of} nobody has a purchase that was not returned, so there is nothing to list.")
    withheld = is_withheld(suppressed, merged_ids(tables)) if suppressed.hashes else pl.lit(value=False)
    states = with_contactability(buyers, tables, consent_set_aside(settings.workspace.path))
    allowed = states.filter(pl.col("may_contact") & ~withheld)
    grouped = allowed.with_columns(
        _third("historic_value", VALUE_GROUPS).alias("value_group"), _third("recency_days", RECENCY_GROUPS).alias("recency_group")
    )
    by_value = pl.col("value_group").replace_strict(VALUE_GROUPS, list(range(len(VALUE_GROUPS))), return_dtype=pl.Int64)
    ordered = grouped.sort(by_value, "recency_days", "historic_value", CUSTOMER, descending=[True, True, True, False])
    rows = ordered.select(*COLUMNS).with_columns(pl.col("recency_days", "orders").cast(pl.Int64))
    return RecencyValueList(as_of, rows.with_row_index("rank", offset=1), buyers.height - allowed.height)


def _third(column: str, names: tuple[str, ...]) -> pl.Expr:
    share = pl.col(column).rank("average") / pl.len()
    return pl.when(share <= 1 / 3).then(pl.lit(names[0])).when(share <= 2 / 3).then(pl.lit(names[1])).otherwise(pl.lit(names[2]))
