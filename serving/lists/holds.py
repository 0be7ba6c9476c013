"""Whether issued lists keep one customer from being contacted now."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from serving.schemas.iso_weeks import days_since_start, list_start, week_of
from serving.schemas.list_kind import TARGET_BY_KIND, ListKind
from serving.store.issued import EARLIER_COLUMNS
from serving.targeting.holds import Hold, current_hold
from serving.targeting.rules import Target
from settings.sections import Targeting

COLUMNS: dict[str, pl.DataType] = EARLIER_COLUMNS | {"list_id": pl.String(), "start": pl.Date()}


def hold_of_customer(rows: Sequence[Mapping[str, Any]], target: Target, today: date, targeting: Targeting) -> Hold | None:
    """Return the hold on a customer's contacts for `target` on a day, as the plan of that day's week has it; None without one.

    `rows` are the customer's rows on effective lists (`serving.store.issued.customer_list_rows`).
    """
    earlier = [
        {
            "target": TARGET_BY_KIND[ListKind(row["kind"])].value,
            "arm": row["arm"],
            "days": days_since_start(row["week"], row["data_as_of"], today),
            "hold": targeting.control_hold_days or row["horizon_days"],
            "this_week": row["week"] >= week_of(today),
            "list_id": row["list_id"],
            "start": list_start(row["week"], row["data_as_of"]),
        }
        for row in rows
    ]
    return current_hold(pl.DataFrame(earlier, schema=COLUMNS), target, targeting.pause_days)
