"""What was issued counts as contacts: rows of lists beside those of the contacts table, and one of both never twice."""

from collections.abc import Sequence
from datetime import datetime, time

import polars as pl
import sqlalchemy as sa

from features.columns import CUSTOMER
from features.tables.schema import CONTACTS, DTYPES
from serving.store.read import VALUES, among, many, read_parts
from serving.store.schema import LIST_ROWS, LISTS
from serving.weeks import acted_on

KEY = ("campaign_id", CUSTOMER)
COLUMNS = (CUSTOMER, "contacted_at", "campaign_id", "action", "channel", "treated", "propensity", "cost")
SCHEMA = {name: DTYPES[column.kind] for name in COLUMNS if (column := CONTACTS.column(name))}
NO_CONTACTS = pl.DataFrame(schema=SCHEMA)
ROW: dict[str, pl.DataType] = {
    CUSTOMER: pl.String(),
    "action": pl.String(),
    "channel": pl.String(),
    "arm": pl.String(),
    "propensity": pl.Float64(),
    "action_cost": pl.Float64(),
}


def issued_contacts(engine: sa.Engine, customer_ids: Sequence[str] | None = None) -> pl.DataFrame:
    """Return the rows of all issued lists as contacts, `treated` false for those held out; of some customers where named.

    The list is the campaign; it was acted on from its Monday on, or from the day of its data where that is later. A customer
    on several lists of one kind and week counts once. Those who were erased are not among them.
    """
    about = sa.select(LISTS.c.list_id, LISTS.c.kind, LISTS.c.week, LISTS.c.data_as_of).order_by(LISTS.c.number)
    parts = [pl.DataFrame(schema=SCHEMA | {"of": pl.String()})]
    with engine.connect() as connection:
        for one in connection.execute(about).all():
            wanted = sa.select(*(LIST_ROWS.c[name] for name in ROW)).where(
                LIST_ROWS.c.list_id == one.list_id, LIST_ROWS.c.customer_id.is_not(None)
            )
            if customer_ids is not None:
                wanted = wanted.where(among(connection.dialect.name, LIST_ROWS.c.customer_id)).params(
                    **{VALUES: many(connection, customer_ids)}
                )
            rows = pl.concat([pl.DataFrame(schema=ROW), *read_parts(connection, wanted, ROW)])
            when = datetime.combine(acted_on(one.week, one.data_as_of), time.min)
            parts.append(_as_contacts(rows, one.list_id, f"{one.kind} {one.week}", when))
    return pl.concat(parts).unique(["of", CUSTOMER], keep="first", maintain_order=True).drop("of")


def _as_contacts(rows: pl.DataFrame, list_id: str, of: str, when: datetime) -> pl.DataFrame:
    treated = pl.col("arm") == "treated"
    return rows.select(
        CUSTOMER,
        pl.lit(when, pl.Datetime("us")).alias("contacted_at"),
        pl.lit(list_id).alias("campaign_id"),
        "action",
        "channel",
        treated.alias("treated"),
        "propensity",
        pl.when(treated).then("action_cost").otherwise(0.0).alias("cost"),
        pl.lit(of).alias("of"),
    )


def with_issued(contacts: pl.LazyFrame | None, issued: pl.DataFrame) -> pl.LazyFrame | None:
    """Return the contacts table with the issued rows that it does not have; None where there is neither.

    Of a row in both, the table says when it was and what came of it; what it leaves open is taken from the list.
    """
    if issued.is_empty():
        return contacts
    if contacts is None:
        return issued.lazy()
    there = contacts.collect_schema().names()
    both = contacts.join(issued.lazy(), on=KEY, how="left", suffix=":issued", maintain_order="left")
    told = [
        (pl.coalesce(name, f"{name}:issued") if name in there else pl.col(name)).alias(name) for name in SCHEMA if name not in KEY
    ]
    own = both.with_columns(told).select([*there, *(name for name in SCHEMA if name not in there)])
    new = issued.lazy().join(contacts, on=KEY, how="anti")
    return pl.concat([own, new], how="diagonal")
