"""Score customers from events in a request, with the same functions that score a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from features.cancelled_orders import net_of_returns
from features.frames.columns import CUSTOMER
from features.norms import Norms
from features.storage.paths import good_path
from features.tables.schema import (
    ALL_TABLES,
    COMPLAINTS,
    CONTACTS,
    CUSTOMERS,
    DTYPES,
    REFERRER,
    SURVEYS,
    TRANSACTIONS,
    Kind,
    Table,
    Tables,
)
from models.champion import Champion
from serving.lists.contacts import merge_issued_contacts
from serving.privacy.merged_ids import good_aliases, with_merged_ids
from serving.scoring.batch import score
from settings.errors import UserError
from settings.sections import Settings

EVENT_TABLES = (TRANSACTIONS, COMPLAINTS, SURVEYS, CONTACTS)
KEYS = {COMPLAINTS.name: ("complaint_id",), CONTACTS.name: ("campaign_id", CUSTOMER, "contacted_at"), CUSTOMERS.name: (CUSTOMER,)}
Rows = Sequence[Mapping[str, Any]]


class NoHistoryError(UserError):
    """The stored history is not in the workspace of this machine."""


@dataclass(frozen=True)
class LiveCustomer:
    """A customer and the rows of the request, by table.

    A table that is missing is unknown; one without rows is known to be empty. With `overlay`, the rows are added to the history
    in the workspace.
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
    """Return SCORE_COLUMNS for the customers, by customer_id; churn_percentile is null, because it needs a whole run.

    `norms` are those of the run that the scores are compared with (`norms_of_run`). `issued` are contacts from issued lists, of
    the customers with `overlay`. Customers with the same tables are scored together.
    Raises NoHistoryError for an overlay without a history.
    """
    overlay_ids = [customer.customer_id for customer in customers if customer.overlay]
    stored = _stored_rows(settings, overlay_ids, issued)
    groups: dict[tuple[bool, frozenset[str]], list[LiveCustomer]] = {}
    for customer in customers:
        groups.setdefault((customer.overlay, frozenset(customer.rows)), []).append(customer)
    frames = []
    for (overlay, _), group in groups.items():
        tables = net_of_returns(_tables(group, stored if overlay else {}), settings.purchases)
        tables = replace(tables, aliases=good_aliases(settings) if overlay else None)
        scores = score(settings, tables, champion, as_of, scored_at, norms, engine="in-memory")
        frames.append(scores.filter(pl.col(CUSTOMER).is_in([customer.customer_id for customer in group])))
    return pl.concat(frames).with_columns(pl.lit(None, pl.Float64).alias("churn_percentile"))


def norms_of_run(champion: Champion, run_norms: Norms | None, as_of: date) -> Norms:
    """Return the champion's norms with the demand of the run."""
    if run_norms is None or as_of == champion.norms.known_before:
        return champion.norms
    return replace(champion.norms, product_lines=run_norms.product_lines)


def day_after_newest_event(customers: Sequence[LiveCustomer]) -> date | None:
    """Return the day after the newest event in the rows, before which all of them are known; None without an event."""
    time_columns = {table.name: [column.name for column in table.columns if column.kind is Kind.TIME] for table in EVENT_TABLES}
    times = [
        row[column]
        for customer in customers
        for table, rows in customer.rows.items()
        for row in rows
        for column in time_columns.get(table, ())
        if row.get(column)
    ]
    return max(times).date() + timedelta(days=1) if times else None


def _tables(group: Sequence[LiveCustomer], stored: Mapping[str, pl.DataFrame]) -> Tables:
    """Return the tables of customers who all have rows of the same tables."""
    names = [name for name in ALL_TABLES if name in {TRANSACTIONS.name, *group[0].rows, *stored}]
    return Tables(**{name: _combined_rows(ALL_TABLES[name], group, stored.get(name)).lazy() for name in names})


def _combined_rows(table: Table, group: Sequence[LiveCustomer], stored: pl.DataFrame | None) -> pl.DataFrame:
    """Return the stored rows, then those of the request; of rows with the same key, the request's counts."""
    schema = {column.name: DTYPES[column.kind] for column in table.columns}
    rows = [{CUSTOMER: customer.customer_id, **row} for customer in group for row in customer.rows.get(table.name, ())]
    columns = ({name for row in rows for name in row} if rows else set(schema)) | set(table.required)
    new = pl.DataFrame(rows, schema={name: dtype for name, dtype in schema.items() if name in columns})
    if table is CUSTOMERS:  # a customer's row may also come with the customer who referred them
        new = new.unique(CUSTOMER, keep="first", maintain_order=True)
    if stored is None:
        return new
    keys = KEYS.get(table.name)
    kept = stored.join(new, on=keys, how="anti") if keys else stored
    return pl.concat([kept, new], how="diagonal")


def _stored_rows(settings: Settings, customer_ids: Sequence[str], issued: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Return the checked rows of customers and of those they referred, with issued rows merged into the contacts."""
    if not customer_ids:
        return {}
    ids = with_merged_ids(settings, pl.Series(customer_ids)).to_list()
    workspace = settings.workspace.path
    if not good_path(workspace, TRANSACTIONS.name).is_file():
        raise NoHistoryError("The stored history is not on this machine: send the customer's whole history, without overlay.")
    paths = {name: good_path(workspace, name) for name in ALL_TABLES}
    scans = {name: pl.scan_parquet(path, glob=False) for name, path in paths.items() if path.is_file()}
    queries = [scan.filter(_concerns(scan.collect_schema().names(), ids)) for scan in scans.values()]
    rows = dict(zip(scans, pl.collect_all(queries), strict=True))
    contacts = merge_issued_contacts(rows[CONTACTS.name].lazy() if CONTACTS.name in rows else None, issued)
    return rows | ({} if contacts is None else {CONTACTS.name: contacts.collect()})


def _concerns(columns: list[str], customer_ids: Sequence[str]) -> pl.Expr:
    """Return whether a row is of one of the customers, or of somebody they referred."""
    own = pl.col(CUSTOMER).is_in(list(customer_ids))
    return own | pl.col(REFERRER).is_in(list(customer_ids)) if REFERRER in columns else own
