"""Score customers from events at hand, by the very functions that score a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from features.frames.collect import few_customers
from features.frames.columns import CUSTOMER
from features.norms import Norms
from features.storage.paths import good_path
from features.tables.schema import ALL_TABLES, COMPLAINTS, CONTACTS, CUSTOMERS, DTYPES, SURVEYS, TRANSACTIONS, Kind, Table, Tables
from models.champion import Champion
from serving.lists.contacts import with_issued
from serving.scoring.batch import score
from settings.errors import UserError
from settings.sections import Settings

REFERRED_BY = "referred_by"
EVENTS = (TRANSACTIONS, COMPLAINTS, SURVEYS, CONTACTS)
KEYS = {COMPLAINTS.name: ("complaint_id",), CONTACTS.name: ("campaign_id", CUSTOMER, "contacted_at"), CUSTOMERS.name: (CUSTOMER,)}
Rows = Sequence[Mapping[str, Any]]


class NoHistoryError(UserError):  # noqa: N818  # it names what is missing, as the documentation does
    """The stored history is not below this machine's workspace."""


@dataclass(frozen=True)
class LiveCustomer:
    """A customer and the rows at hand, by table: a table that is not there is not known, one without rows is known to be empty.

    `overlay`: the rows come on top of the history below the workspace.
    """

    customer_id: str
    rows: Mapping[str, Rows]
    overlay: bool = False


def score_live(
    settings: Settings,
    champion: Champion,
    customers: Sequence[LiveCustomer],
    as_of: date,
    scored_at: datetime,
    norms: Norms,
    issued: pl.DataFrame,
) -> pl.DataFrame:
    """Return SCORE_COLUMNS for the customers, by customer_id; churn_percentile is null, since it takes a run.

    `usual` is what the run they are compared with was scored with, `issued` are contacts by lists that were issued to those whose
    stored history counts. Customers who tell of the same tables are scored together.
    Raises NoHistory for an overlay where there is no history.
    """
    stored = _stored(settings.workspace.path, [each.customer_id for each in customers if each.overlay], issued)
    alike: dict[tuple[bool, frozenset[str]], list[LiveCustomer]] = {}
    for each in customers:
        alike.setdefault((each.overlay, frozenset(each.rows)), []).append(each)
    frames = []
    for (overlay, _), group in alike.items():
        tables = _tables(group, stored if overlay else {})
        with few_customers():
            scores = score(settings, tables, champion, as_of, scored_at, norms)
        frames.append(scores.filter(pl.col(CUSTOMER).is_in([each.customer_id for each in group])))
    none = pl.lit(None, pl.Float64).alias("churn_percentile")
    return pl.concat(frames).with_columns(none)


def norms_of_run(champion: Champion, run_norms: Norms | None, as_of: date) -> Norms:
    """Return what is usual for the company: the champion's, with what sold when the run was scored."""
    if run_norms is None or as_of == champion.norms.known_before:
        return champion.norms
    return replace(champion.norms, product_lines=run_norms.product_lines)


def newest_day(customers: Sequence[LiveCustomer]) -> date | None:
    """Return the day after the newest event at hand, by which all of them are known; None without an event."""
    times = {table.name: [column.name for column in table.columns if column.kind is Kind.TIME] for table in EVENTS}
    moments = [
        row[when]
        for each in customers
        for name, rows in each.rows.items()
        for row in rows
        for when in times.get(name, ())
        if row.get(when)
    ]
    return max(moments).date() + timedelta(days=1) if moments else None


def _tables(group: Sequence[LiveCustomer], stored: Mapping[str, pl.DataFrame]) -> Tables:
    named = [name for name in ALL_TABLES if name in {TRANSACTIONS.name, *group[0].rows, *stored}]
    return Tables(**{name: _frame(ALL_TABLES[name], group, stored.get(name)).lazy() for name in named})


def _frame(table: Table, group: Sequence[LiveCustomer], stored: pl.DataFrame | None) -> pl.DataFrame:
    """The rows at hand under canonical columns, behind those that are stored; of one key, the row at hand counts."""
    schema = {column.name: DTYPES[column.kind] for column in table.columns}
    rows = [{CUSTOMER: each.customer_id, **row} for each in group for row in each.rows.get(table.name, ())]
    given = {name for row in rows for name in row} if rows else set(schema)
    fresh = pl.DataFrame(rows, schema={name: dtype for name, dtype in schema.items() if name in given | set(table.required)})
    if table is CUSTOMERS:  # one customer's row may come again with the one who referred that customer
        fresh = fresh.unique(CUSTOMER, keep="first", maintain_order=True)
    if stored is None:
        return fresh
    keys = KEYS.get(table.name)
    kept = stored.join(fresh, on=keys, how="anti") if keys else stored
    return pl.concat([kept, fresh], how="diagonal")


def _stored(workspace: Path, customer_ids: Sequence[str], issued: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The good rows of some customers and of those whom they referred, with what was issued among the contacts."""
    if not customer_ids:
        return {}
    if not good_path(workspace, TRANSACTIONS.name).is_file():
        raise NoHistoryError("The stored history is not on this machine: send the customer's whole history, without overlay.")
    there = {name: good_path(workspace, name) for name in ALL_TABLES if good_path(workspace, name).is_file()}
    scans = [pl.scan_parquet(path, glob=False) for path in there.values()]
    wanted = [scan.filter(_concerns(scan.collect_schema().names(), customer_ids)) for scan in scans]
    rows = dict(zip(there, pl.collect_all(wanted), strict=True))
    contacts = with_issued(rows[CONTACTS.name].lazy() if CONTACTS.name in rows else None, issued)
    return rows | ({} if contacts is None else {CONTACTS.name: contacts.collect()})


def _concerns(columns: list[str], customer_ids: Sequence[str]) -> pl.Expr:
    own = pl.col(CUSTOMER).is_in(list(customer_ids))
    return own | pl.col(REFERRED_BY).is_in(list(customer_ids)) if REFERRED_BY in columns else own
