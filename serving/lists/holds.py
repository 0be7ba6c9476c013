"""Whether issued lists keep one customer from being contacted now."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl
import sqlalchemy as sa

from serving.privacy.workspace_key import workspace_secret
from serving.schemas.iso_weeks import days_since_start, list_start, week_of
from serving.schemas.list_kind import TARGET_BY_KIND, ListKind
from serving.store.lists.issued import IssuedList, issued_lists
from serving.store.lists.of_customers import EARLIER_COLUMNS
from serving.store.lists.precedence import acted_on_lists
from serving.store.runs import Run
from serving.store.units import unit_list_rows
from serving.targeting.holds import Hold, current_hold
from serving.targeting.rules import Target
from serving.targeting.units import unit_key
from settings.sections import Settings, Targeting

COLUMNS: dict[str, pl.DataType] = EARLIER_COLUMNS | {
    "list_id": pl.String(),
    "start": pl.Date(),
    "of_household": pl.Boolean(),
}


def hold_of_customer(
    rows: Sequence[Mapping[str, Any]],
    target: Target,
    today: date,
    targeting: Targeting,
    others: Sequence[Mapping[str, Any]] = (),
) -> Hold | None:
    """Return the hold on a customer's contacts for `target` on a day, as the plan of that day's week has it; None without one.

    `rows` are the customer's rows on effective lists (`serving.store.lists.customer_list_rows`), `others` those of the rest of
    the household (`household_rows`), which hold the customer too.
    """
    earlier = [_earlier_row(row, today, targeting, of_household=False) for row in rows]
    earlier += [_earlier_row(row, today, targeting, of_household=True) for row in others]
    return current_hold(pl.DataFrame(earlier, schema=COLUMNS), target, targeting.pause_days)


def _earlier_row(row: Mapping[str, Any], today: date, targeting: Targeting, *, of_household: bool) -> dict[str, Any]:
    """Return a row on a list in COLUMNS. A list of this week may be issued again for its own customers, not for others."""
    return {
        "target": TARGET_BY_KIND[ListKind(row["kind"])].value,
        "arm": row["arm"],
        "days": days_since_start(row["week"], row["data_as_of"], today),
        "hold": targeting.control_hold_days or row["horizon_days"],
        "this_week": row["week"] >= week_of(today) and not of_household,
        "list_id": row["list_id"],
        "start": list_start(row["week"], row["data_as_of"]),
        "of_household": of_household,
    }


def household_rows(engine: sa.Engine, run: Run, customer_id: str, settings: Settings) -> list[dict[str, Any]]:
    """Return the rows of the others in a customer's household, as a run knows it, on the lists that may still hold them.

    These are the lists that count as acted on and, since any of them may have been, all lists of this week without a limit.
    """
    today, targeting = run.as_of, settings.targeting

    def holds(issued: IssuedList) -> bool:
        longest = max(targeting.control_hold_days or issued.horizon_days, targeting.pause_days)
        return days_since_start(issued.week, issued.data_as_of, today) < longest

    of_this_week = [issued for issued in issued_lists(engine, None, week_of(today)) if issued.row_limit is None]
    list_ids = {issued.list_id for issued in [*acted_on_lists(engine), *of_this_week] if holds(issued)}
    key = unit_key(workspace_secret(settings.secret_path, engine))
    return unit_list_rows(engine, run.run_id, customer_id, sorted(list_ids), key)
