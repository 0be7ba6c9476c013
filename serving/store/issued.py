"""Lists that were issued: stored whole, and never changed but by an erasure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from serving.schemas.iso_weeks import acted_on
from serving.schemas.list_kind import TARGET_OF, ListKind
from serving.schemas.lists import LIST_COLUMNS
from serving.store.audit import record
from serving.store.engine import reading
from serving.store.read import read_frame, read_parts
from serving.store.schema import LIST_ROWS, LISTS

AT_ONCE = 5_000
FACETS = ("loyalty_segment", "lifecycle_stage", "region", "action")
SUMMED = ("value_at_risk", "expected_gain", "action_cost", "averted")
FIGURES: dict[str, pl.DataType] = {
    "customer_id": pl.String(),
    "arm": pl.String(),
    **dict.fromkeys(FACETS, pl.String()),
    **dict.fromkeys(SUMMED, pl.Float64()),
}
NAMED: dict[str, pl.DataType] = {"customer_id": pl.String(), "arm": pl.String()}
EARLIER: dict[str, pl.DataType] = {
    "customer_id": pl.String(),
    "target": pl.String(),
    "arm": pl.String(),
    "days": pl.Int64(),
    "hold": pl.Int64(),
    "this_week": pl.Boolean(),
}
FILTERS = {"region": "region", "segment": "loyalty_segment", "stage": "lifecycle_stage", "action": "action", "arm": "arm"}


@dataclass(frozen=True)
class IssuedList:
    """A list as it was issued. `row_limit` and `budget` are those asked for, None where the configuration decided.

    `horizon_days` is how far its p_churn looks ahead, from `data_as_of`.
    """

    list_id: str
    number: int
    kind: str
    week: str
    run_id: int
    data_as_of: date
    model_version: str
    horizon_days: int
    row_limit: int | None
    budget: float | None
    content: str
    rows: int
    issued_at: datetime
    issued_by: str
    summary: str | None = None

    @property
    def figures(self) -> dict[str, Any]:
        """What `serving/lists/summary.py` told of it when it was issued; nothing of a list from before there were summaries."""
        return {} if self.summary is None else dict(json.loads(self.summary))

    @property
    def churn_sentence(self) -> str:
        """What p_churn means, in words."""
        return churn_sentence(self.horizon_days, self.data_as_of)


def churn_sentence(horizon_days: int, as_of: date) -> str:
    """Say in words what p_churn means."""
    return f"p_churn is the probability of no purchase in the {horizon_days} days from {as_of}, if nothing special is done."


ABOUT = tuple(LISTS.c[name] for name in IssuedList.__dataclass_fields__)


def store_list(engine: sa.Engine, issued: IssuedList, frame: pl.DataFrame) -> None:
    """Store a list and its rows, LIST_COLUMNS and EXPECTED_COLUMNS; both or neither.

    Raises IntegrityError where it was stored before.
    """
    about = {name: getattr(issued, name) for name in IssuedList.__dataclass_fields__}
    with engine.begin() as connection:
        connection.execute(LISTS.insert().values(**about))
        record(connection, issued.issued_by, "list issued", issued.issued_at, issued.list_id, frame.height)
        for part in frame.iter_slices(AT_ONCE):
            connection.execute(LIST_ROWS.insert(), part.to_dicts())


def issued_lists(engine: sa.Engine, kind: str | None = None, week: str | None = None) -> list[IssuedList]:
    """Return the lists there are, of a kind and week where these are named; the newest first."""
    wanted = sa.select(*ABOUT).order_by(LISTS.c.week.desc(), LISTS.c.kind, LISTS.c.number.desc())
    for column, value in ((LISTS.c.kind, kind), (LISTS.c.week, week)):
        wanted = wanted if value is None else wanted.where(column == value)
    with reading(engine).connect() as connection:
        return [IssuedList(*row) for row in connection.execute(wanted)]


def newest_first(lists: Iterable[IssuedList]) -> list[IssuedList]:
    """Return lists of one kind and week in the order in which they count: one cut short by a limit is only a look at another."""
    return sorted(lists, key=lambda each: (each.row_limit is None, each.number), reverse=True)


def counting_lists(engine: sa.Engine) -> list[IssuedList]:
    """Return, of each kind and week, the list that counts as acted on: the newest that no limit cut short."""
    ordered = newest_first(issued_lists(engine))
    return list({(each.kind, each.week): each for each in reversed(ordered)}.values())


def counting_list(engine: sa.Engine, kind: str, week: str) -> IssuedList | None:
    """Return the one of `counting_lists` of a kind and week, None where none was issued yet."""
    return next(iter(newest_first(issued_lists(engine, kind, week))), None)


def list_rows(
    engine: sa.Engine, list_id: str, filters: Mapping[str, str], after: int = 0, limit: int | None = None
) -> pl.DataFrame:
    """Return rows of a list in order of rank, from the one behind `after` on; those of erased customers are left out.

    `filters` are names of FILTERS and the value that rows must have.
    """
    parts = list(list_parts(engine, list_id, filters, after, limit))
    return pl.concat(parts) if parts else pl.DataFrame(schema=LIST_COLUMNS)


def list_parts(
    engine: sa.Engine, list_id: str, filters: Mapping[str, str], after: int = 0, limit: int | None = None
) -> Iterator[pl.DataFrame]:
    """Yield the same rows part by part, for lists of any length."""
    wanted = sa.select(*(LIST_ROWS.c[name] for name in LIST_COLUMNS)).where(
        LIST_ROWS.c.list_id == list_id, LIST_ROWS.c.rank > after, LIST_ROWS.c.customer_id.is_not(None)
    )
    for name, value in filters.items():
        wanted = wanted.where(LIST_ROWS.c[FILTERS[name]] == value)
    with engine.connect() as connection:
        yield from read_parts(connection, wanted.order_by(LIST_ROWS.c.rank).limit(limit), LIST_COLUMNS)


def list_figures(engine: sa.Engine, list_id: str, hashed_by: pl.Expr) -> pl.DataFrame:
    """Return what the figures of a list are made of: FIGURES of every row, and the keyed hash of its customer in place of the id.

    Those who were erased are not among them.
    """
    wanted = sa.select(*(LIST_ROWS.c[name] for name in FIGURES)).where(
        LIST_ROWS.c.list_id == list_id, LIST_ROWS.c.customer_id.is_not(None)
    )
    with engine.connect() as connection:
        rows = read_frame(connection, wanted, FIGURES)
    return rows.with_columns(hashed_by.alias(CUSTOMER))


def customers_on(engine: sa.Engine, list_id: str) -> tuple[pl.Series, int]:
    """Return the ids on a list, treated and held out, and how many rows are of customers who were erased since."""
    with reading(engine).connect() as connection:
        named = connection.scalars(sa.select(LIST_ROWS.c.customer_id).where(LIST_ROWS.c.list_id == list_id)).all()
    ids = pl.Series(CUSTOMER, named, dtype=pl.String).drop_nulls()
    return ids, len(named) - len(ids)


def earlier_rows(
    engine: sa.Engine, week: str, run_id: int, today: date, pause_days: int, hold_out_days: int | None
) -> pl.DataFrame:
    """Return who was on earlier lists: EARLIER, with the days from then to `today`, and for how many days it holds people out.

    Earlier are the lists that count of weeks before `week`; and of this same week those that another run gave, but for those
    that a limit cut short. Only those that still matter are read: acted on within `pause_days`, or within the time for which
    they hold out (None: their own horizon).
    """
    before = [one for one in counting_lists(engine) if one.week < week]
    others = [one for one in issued_lists(engine, None, week) if one.run_id != run_id and one.row_limit is None]
    parts = [pl.DataFrame(schema=EARLIER)]
    with engine.connect() as connection:
        for one in [*before, *others]:
            days, hold = max((today - acted_on(one.week, one.data_as_of)).days, 0), hold_out_days or one.horizon_days
            if days >= max(hold, pause_days):
                continue
            about_list = {
                "target": pl.lit(TARGET_OF[ListKind(one.kind)].value),
                "days": pl.lit(days, pl.Int64),
                "hold": pl.lit(hold, pl.Int64),
                "this_week": pl.lit(one.week == week),
            }
            wanted = sa.select(LIST_ROWS.c.customer_id, LIST_ROWS.c.arm).where(
                LIST_ROWS.c.list_id == one.list_id, LIST_ROWS.c.customer_id.is_not(None)
            )
            found = read_frame(connection, wanted, NAMED)
            parts.append(found.with_columns(**about_list).select(EARLIER.keys()))
    return pl.concat(parts)


def lists_naming(connection: sa.Connection, customer_id: str) -> list[tuple[str, date, int]]:
    """Return the lists that name a customer, from which day on each was acted on, and over how many days it is measured."""
    about = sa.select(LISTS.c.list_id, LISTS.c.week, LISTS.c.data_as_of, LISTS.c.horizon_days)
    named = about.join_from(LIST_ROWS, LISTS, LISTS.c.list_id == LIST_ROWS.c.list_id).where(
        LIST_ROWS.c.customer_id == customer_id
    )
    return [(row.list_id, acted_on(row.week, row.data_as_of), row.horizon_days) for row in connection.execute(named)]


def erase_from_list(connection: sa.Connection, list_id: str, customer_id: str, outcome: Mapping[str, Any]) -> None:
    """Take a customer's id and reasons out of a list; arm and outcome stay, so that its results stay unbiased."""
    gone = dict.fromkeys(("customer_id", "reason_1", "reason_2", "reason_3"))
    row = LIST_ROWS.update().where(LIST_ROWS.c.list_id == list_id, LIST_ROWS.c.customer_id == customer_id)
    connection.execute(row.values(**gone, **outcome))
