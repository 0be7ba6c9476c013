"""Issued lists: stored with all their rows and never changed afterwards, except by an erasure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from serving.schemas.iso_weeks import days_since_start, list_start
from serving.schemas.list_kind import TARGET_BY_KIND, ListKind
from serving.schemas.lists import LIST_COLUMNS
from serving.store.audit import add_audit_entry, list_accesses
from serving.store.engine import autocommit
from serving.store.erasure import erased_in, lock_erasures
from serving.store.list_rows import arm_rows
from serving.store.read import iter_frames, read_frame
from serving.store.schema import LIST_ROWS, LISTS, UNIT_LINKS

INSERT_ROWS = 5_000
MAX_LISTS_OF_CUSTOMER = 10
FACETS = ("loyalty_segment", "lifecycle_stage", "region", "action")
SUM_COLUMNS = ("value_at_risk", "expected_gain", "action_cost", "averted")
FIGURE_COLUMNS: dict[str, pl.DataType] = {
    "rank": pl.UInt32(),
    "customer_id": pl.String(),
    **dict.fromkeys(("arm", *FACETS, "channel", "owner", "basis"), pl.String()),
    **dict.fromkeys((*SUM_COLUMNS, "p_churn", "expected_value"), pl.Float64()),
}
ID_ORDER = "id_order"
EARLIER_COLUMNS: dict[str, pl.DataType] = {
    "customer_id": pl.String(),
    "target": pl.String(),
    "arm": pl.String(),
    "days": pl.Int64(),
    "hold": pl.Int64(),
    "this_week": pl.Boolean(),
    "unit": pl.String(),
}
FILTER_COLUMNS = {"region": "region", "segment": "loyalty_segment", "stage": "lifecycle_stage", "action": "action", "arm": "arm"}


@dataclass(frozen=True)
class IssuedList:
    """A list as it was issued.

    `row_limit` and `budget` are the bounds of the request, None where the configuration decided. `horizon_days` is how far
    p_churn looks ahead from `data_as_of`. `issue_order` counts the issues of its kind and week, up to the newest one of these
    rows; None: `number`, in lists of an earlier Holdfast. `withdrawn_at` is when its run was withdrawn, `acted_on_at`
    when it was last read or downloaded before another list replaced it.
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
    issue_order: int | None = None
    withdrawn_at: datetime | None = None
    acted_on_at: datetime | None = None

    @property
    def precedence(self) -> tuple[bool, int]:
        """The order in which lists of one kind and week count: see `by_precedence`."""
        return self.row_limit is None, self.issue_order or self.number

    @property
    def figures(self) -> dict[str, Any]:
        """The figures of the list at the time of issue (`serving/lists/summary.py`); empty for lists older than summaries."""
        return {} if self.summary is None else dict(json.loads(self.summary))

    @property
    def churn_sentence(self) -> str:
        """The meaning of p_churn, in words."""
        return churn_sentence(self.horizon_days, self.data_as_of)

    @property
    def head_sentence(self) -> str:
        """The meaning of p_churn and of the expected gain, in words: the head of a file."""
        return head_sentence(self.churn_sentence, self.figures)


def churn_sentence(horizon_days: int, as_of: date) -> str:
    """Return the meaning of p_churn, in words."""
    return f"p_churn is the probability of no purchase in the {horizon_days} days from {as_of}, if nothing special is done."


def head_sentence(churn: str, figures: Mapping[str, Any]) -> str:
    """Return the head of a file: the meaning of p_churn, and what the expected gain rests on."""
    evidence = figures.get("evidence") or {}
    return f"{churn} {evidence['sentence']}" if "sentence" in evidence else churn


LIST_FIELDS = tuple(LISTS.c[name] for name in IssuedList.__dataclass_fields__)


def store_list(
    engine: sa.Engine,
    issued: IssuedList,
    frame: pl.DataFrame,
    links: pl.DataFrame | None = None,
    identity: str | None = None,
) -> None:
    """Store a list and its rows (LIST_COLUMNS and EXPECTED_COLUMNS) in one transaction.

    `links` has the rank and link of whatever belongs to the unit of a row (`serving.targeting.units.links_of_rows`). With
    `identity`, the key of the store's hashes, the rows of customers who were erased since the plan lose their id. Raises
    IntegrityError if the list id exists already.
    """
    fields = {name: getattr(issued, name) for name in IssuedList.__dataclass_fields__}
    with engine.begin() as connection:
        lock_erasures(connection, shared=True)
        note = _mark_acted_on(connection, issued)
        connection.execute(LISTS.insert().values(**fields))
        add_audit_entry(connection, issued.issued_by, "list issued", issued.issued_at, issued.list_id, frame.height, note)
        for chunk in frame.iter_slices(INSERT_ROWS):
            connection.execute(LIST_ROWS.insert(), chunk.to_dicts())
        if links is not None:
            for chunk in links.with_columns(pl.lit(issued.list_id).alias("list_id")).iter_slices(INSERT_ROWS):
                connection.execute(UNIT_LINKS.insert(), chunk.to_dicts())
        for customer_id in [] if identity is None else erased_in(connection, frame[CUSTOMER], identity):
            erase_from_list(connection, issued.list_id, customer_id, {})


def issue_again(
    engine: sa.Engine, issued: IssuedList, order: int, client: str, now: datetime, reason: str | None = None
) -> IssuedList:
    """Make a list that was issued before the one that counts in its week, and return it."""
    with engine.begin() as connection:
        note = "; ".join(filter(None, (_mark_acted_on(connection, issued), reason))) or None
        connection.execute(LISTS.update().where(LISTS.c.list_id == issued.list_id).values(issue_order=order))
        add_audit_entry(connection, client, "list issued again", now, issued.list_id, issued.rows, note)
    return replace(issued, issue_order=order)


def _mark_acted_on(connection: sa.Connection, successor: IssuedList) -> str | None:
    """Note on the list that `successor` replaces when it was last read or downloaded, and return which it replaces, if any."""
    replaced = next(iter(by_precedence(_select_lists(connection, successor.kind, successor.week))), None)
    if replaced is None or successor.row_limit is not None or replaced.list_id == successor.list_id:
        return None
    accesses = list_accesses(connection, replaced.list_id)
    if accesses and replaced.row_limit is None:
        acted_on_at = max(access.at for access in accesses)
        connection.execute(LISTS.update().where(LISTS.c.list_id == replaced.list_id).values(acted_on_at=acted_on_at))
    return f"replaces {replaced.list_id}"


def next_issue_order(existing: Iterable[IssuedList]) -> int:
    """Return the order of the next issue, after all lists of a kind and week."""
    return max((issued.issue_order or issued.number for issued in existing), default=0) + 1


def issued_lists(engine: sa.Engine, kind: str | None = None, week: str | None = None) -> list[IssuedList]:
    """Return the issued lists, the newest first; only those of a kind or week if given."""
    with autocommit(engine).connect() as connection:
        return _select_lists(connection, kind, week)


def _select_lists(connection: sa.Connection, kind: str | None, week: str | None) -> list[IssuedList]:
    query = sa.select(*LIST_FIELDS).order_by(LISTS.c.week.desc(), LISTS.c.kind, LISTS.c.number.desc())
    for column, value in ((LISTS.c.kind, kind), (LISTS.c.week, week)):
        query = query if value is None else query.where(column == value)
    return [IssuedList(*row) for row in connection.execute(query)]


def by_precedence(lists: Iterable[IssuedList]) -> list[IssuedList]:
    """Return lists of one kind and week, the effective one first.

    That is the one issued last, or issued again last. Lists cut short by a limit are previews and come last. A list whose run was
    withdrawn may have been acted on: it counts until another one is issued.
    """
    return sorted(lists, key=lambda issued: issued.precedence, reverse=True)


def effective_lists(engine: sa.Engine) -> list[IssuedList]:
    """Return the list of each kind and week that counts as acted on (`by_precedence`)."""
    ordered = by_precedence(issued_lists(engine))
    return list({(issued.kind, issued.week): issued for issued in reversed(ordered)}.values())


def acted_on_lists(engine: sa.Engine) -> list[IssuedList]:
    """Return all lists that count as acted on: the effective ones first, then those read or downloaded before a replacement."""
    effective = effective_lists(engine)
    effective_ids = {issued.list_id for issued in effective}
    lists = issued_lists(engine)
    return effective + [issued for issued in lists if issued.acted_on_at is not None and issued.list_id not in effective_ids]


def effective_list(engine: sa.Engine, kind: str, week: str) -> IssuedList | None:
    """Return the effective list of a kind and week; None if none was issued yet."""
    return next(iter(by_precedence(issued_lists(engine, kind, week))), None)


def find_list(engine: sa.Engine, list_id: str, kind: str | None = None) -> IssuedList | None:
    """Return the issued list with this id, if it is of the kind; None without one."""
    return next((issued for issued in issued_lists(engine, kind) if issued.list_id == list_id), None)


def counting_sentence(issued: IssuedList, effective: IssuedList | None) -> str:
    """Return which list of a kind and week counts, seen from one of them; `effective` is the one of `effective_list`."""
    name = f"the {issued.kind} list of {issued.week}"
    if issued.withdrawn_at is not None:
        return f"The scores of this list were withdrawn on {issued.withdrawn_at:%Y-%m-%d}: do not act on it."
    if effective is None or effective.list_id == issued.list_id:
        return f"This list counts as {name}."
    reason = "a limit cut this one short" if issued.row_limit is not None else "it was issued later"
    return f"{effective.list_id} counts as {name}, not this one: {reason}."


def list_rows(
    engine: sa.Engine, list_id: str, filters: Mapping[str, str], after: int = 0, limit: int | None = None
) -> pl.DataFrame:
    """Return the rows of a list by rank, from the first rank above `after`; rows of erased customers are omitted.

    `filters` maps names of FILTER_COLUMNS to the value that rows must have.
    """
    frames = list(iter_list_rows(engine, list_id, filters, after, limit))
    return pl.concat(frames) if frames else pl.DataFrame(schema=LIST_COLUMNS)


def iter_list_rows(
    engine: sa.Engine, list_id: str, filters: Mapping[str, str], after: int = 0, limit: int | None = None
) -> Iterator[pl.DataFrame]:
    """Yield the rows of `list_rows` in chunks, for lists of any length."""
    query = sa.select(*(LIST_ROWS.c[name] for name in LIST_COLUMNS)).where(
        LIST_ROWS.c.list_id == list_id, LIST_ROWS.c.rank > after, LIST_ROWS.c.customer_id.is_not(None)
    )
    for name, value in filters.items():
        query = query.where(LIST_ROWS.c[FILTER_COLUMNS[name]] == value)
    with engine.connect() as connection:
        yield from iter_frames(connection, query.order_by(LIST_ROWS.c.rank).limit(limit), LIST_COLUMNS)


def filter_values(engine: sa.Engine, issued: IssuedList, name: str) -> list[str]:
    """Return the values of a filter on all lists of the run of a list, in order."""
    column = LIST_ROWS.c[FILTER_COLUMNS[name]]
    of_run = sa.select(LISTS.c.list_id).where(LISTS.c.run_id == issued.run_id)
    query = sa.select(column).distinct().where(LIST_ROWS.c.list_id.in_(of_run), column.is_not(None)).order_by(column)
    with autocommit(engine).connect() as connection:
        return list(connection.scalars(query))


def read_figure_rows(engine: sa.Engine, list_id: str, hashed_id: pl.Expr) -> pl.DataFrame:
    """Return FIGURE_COLUMNS of every row of a list, from which its figures are computed; the id of an erased customer is null.

    `hashed_id` replaces the customer id by its keyed hash; ID_ORDER, the place of each id in the order of ids, is added before.
    """
    query = sa.select(*(LIST_ROWS.c[name] for name in FIGURE_COLUMNS)).where(LIST_ROWS.c.list_id == list_id)
    with engine.connect() as connection:
        rows = read_frame(connection, query, FIGURE_COLUMNS)
    return rows.with_columns(hashed_id.alias(CUSTOMER), pl.col(CUSTOMER).rank("ordinal").alias(ID_ORDER))


def list_members(engine: sa.Engine, list_id: str) -> tuple[pl.Series, int]:
    """Return the ids on a list, in both arms, and the number of rows whose customers were erased since."""
    with autocommit(engine).connect() as connection:
        stored_ids = connection.scalars(sa.select(LIST_ROWS.c.customer_id).where(LIST_ROWS.c.list_id == list_id)).all()
    ids = pl.Series(CUSTOMER, stored_ids, dtype=pl.String).drop_nulls()
    return ids, len(stored_ids) - len(ids)


def earlier_rows(engine: sa.Engine, week: str, today: date, pause_days: int, control_hold_days: int | None) -> pl.DataFrame:
    """Return the customers on other lists: EARLIER_COLUMNS, with the days since each list and its control hold in days.

    These are the lists of other weeks that count as acted on, and those of this week that no limit cut short. Only those that
    still matter are read: those acted on within `pause_days` or within their control hold, and those of later weeks that start
    within the control hold, such as after a withdrawal; they count as acted on today. `control_hold_days` None takes each list's
    own horizon. An erased customer is null; the unit of the row still holds the others of the household.
    """
    others = [issued for issued in acted_on_lists(engine) if issued.week != week]
    same_week = [issued for issued in issued_lists(engine, None, week) if issued.row_limit is None]
    frames = [pl.DataFrame(schema=EARLIER_COLUMNS)]
    with engine.connect() as connection:
        for issued in [*others, *same_week]:
            days = days_since_start(issued.week, issued.data_as_of, today)
            hold = control_hold_days or issued.horizon_days
            days_ahead = (list_start(issued.week, issued.data_as_of) - today).days
            if days >= max(hold, pause_days) or days_ahead >= hold:
                continue
            list_columns = {
                "target": pl.lit(TARGET_BY_KIND[ListKind(issued.kind)].value),
                "days": pl.lit(days, pl.Int64),
                "hold": pl.lit(hold, pl.Int64),
                "this_week": pl.lit(issued.week == week),
            }
            rows = arm_rows(connection, issued.list_id)
            frames.append(rows.with_columns(**list_columns).select(EARLIER_COLUMNS.keys()))
    return pl.concat(frames)


def lists_with_customer(connection: sa.Connection, customer_id: str) -> list[tuple[str, date, int]]:
    """Return each list that names a customer: its id, the day from which it was acted on, and its outcome window in days."""
    fields = sa.select(LISTS.c.list_id, LISTS.c.week, LISTS.c.data_as_of, LISTS.c.horizon_days)
    query = fields.join_from(LIST_ROWS, LISTS, LISTS.c.list_id == LIST_ROWS.c.list_id).where(
        LIST_ROWS.c.customer_id == customer_id
    )
    return [(row.list_id, list_start(row.week, row.data_as_of), row.horizon_days) for row in connection.execute(query)]


def customer_list_rows(engine: sa.Engine, customer_id: str) -> list[dict[str, Any]]:
    """Return a customer's rows on lists that count as acted on, the newest first and at most MAX_LISTS_OF_CUSTOMER.

    Of several lists of a kind and week, the effective one counts if it has the customer (`acted_on_lists`).

    Each has list_id, kind, data_as_of and horizon_days of the list, and week, rank, arm, action, expected_gain and expires_on
    of the row.
    """
    rows, list_ids = LIST_ROWS.c, [issued.list_id for issued in acted_on_lists(engine)]
    list_fields = (LISTS.c.kind, LISTS.c.data_as_of, LISTS.c.horizon_days)
    query = (
        sa.select(rows.list_id, *list_fields, rows.week, rows.rank, rows.arm, rows.action, rows.expected_gain, rows.expires_on)
        .join_from(LIST_ROWS, LISTS, LISTS.c.list_id == rows.list_id)
        .where(rows.customer_id == customer_id, rows.list_id.in_(list_ids))
        .order_by(rows.week.desc(), LISTS.c.number.desc())
    )
    with engine.connect() as connection:
        found = [dict(row) for row in connection.execute(query).mappings()]
    position = {list_id: number for number, list_id in enumerate(list_ids)}
    best = {(row["kind"], row["week"]): row for row in sorted(found, key=lambda row: -position[row["list_id"]])}
    return [row for row in found if best[row["kind"], row["week"]] is row][:MAX_LISTS_OF_CUSTOMER]


def erase_from_list(connection: sa.Connection, list_id: str, customer_id: str, outcome: Mapping[str, Any]) -> None:
    """Remove a customer's id and reasons from a list; the arm and `outcome` stay, so that its results stay unbiased."""
    erased = dict.fromkeys(("customer_id", "reason_1", "reason_2", "reason_3"))
    row = LIST_ROWS.update().where(LIST_ROWS.c.list_id == list_id, LIST_ROWS.c.customer_id == customer_id)
    connection.execute(row.values(**erased, **outcome))
