"""What was issued counts as contacts: rows of lists beside those of the contacts table, and one of both never twice."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from features.tables.schema import CONTACTS, DTYPES
from serving.schemas.iso_weeks import acted_on
from serving.store.issued import counting_lists
from serving.store.read import VALUES, among, many, read_frame
from serving.store.schema import LIST_ROWS
from settings.sections import Settings

KEY = ("campaign_id", CUSTOMER)
COLUMNS = (CUSTOMER, "contacted_at", "campaign_id", "action", "channel", "treated", "propensity", "cost")
SCHEMA = {name: DTYPES[column.kind] for name in COLUMNS if (column := CONTACTS.column(name))}
NO_CONTACTS = pl.DataFrame(schema=SCHEMA)
NO_NAMES: Mapping[str, str] = {}
LISTED = r"^((?:at_risk|win_back|recovery)-\d{4}-W\d{2})-run\d+"
OF_WEEK = pl.coalesce(pl.col("campaign_id").str.extract(LISTED), "campaign_id").alias("of")
ROW: dict[str, pl.DataType] = {
    CUSTOMER: pl.String(),
    "action": pl.String(),
    "channel": pl.String(),
    "arm": pl.String(),
    "propensity": pl.Float64(),
    "action_cost": pl.Float64(),
}


def names_in_contacts(settings: Settings) -> dict[str, str]:
    """Return what the contacts table calls each action."""
    return {action.name: action.contacts_name for action in settings.targeting.actions}


def issued_contacts(
    engine: sa.Engine, customer_ids: Sequence[str] | None = None, names: Mapping[str, str] = NO_NAMES
) -> pl.DataFrame:
    """Return the rows of issued lists as contacts, `treated` false for those held out; of some customers where named.

    The list is the campaign; it was acted on from its Monday on, or from the day of its data where that is later. Of several
    lists of one kind and week one counts (`counting_lists`). Those who were erased are not among them. `names` is what the
    contacts table calls an action, where it calls it otherwise.
    """
    parts = [NO_CONTACTS]
    with engine.connect() as connection:
        for one in counting_lists(engine):
            wanted = sa.select(*(LIST_ROWS.c[name] for name in ROW)).where(
                LIST_ROWS.c.list_id == one.list_id, LIST_ROWS.c.customer_id.is_not(None)
            )
            if customer_ids is not None:
                wanted = wanted.where(among(connection.dialect.name, LIST_ROWS.c.customer_id)).params(
                    **{VALUES: many(connection, customer_ids)}
                )
            rows = read_frame(connection, wanted, ROW)
            when = datetime.combine(acted_on(one.week, one.data_as_of), time.min)
            parts.append(_as_contacts(rows, one.list_id, when, names))
    return pl.concat(parts)


def _as_contacts(rows: pl.DataFrame, list_id: str, when: datetime, names: Mapping[str, str]) -> pl.DataFrame:
    treated = pl.col("arm") == "treated"
    return rows.select(
        CUSTOMER,
        pl.lit(when, pl.Datetime("us")).alias("contacted_at"),
        pl.lit(list_id).alias("campaign_id"),
        pl.col("action").replace(names),
        "channel",
        treated.alias("treated"),
        "propensity",
        pl.when(treated).then("action_cost").otherwise(0.0).alias("cost"),
    )


def with_issued(contacts: pl.LazyFrame | None, issued: pl.DataFrame) -> pl.LazyFrame | None:
    """Return the contacts table with the issued rows that it does not have; None where there is neither.

    Of a row in both, the table says when it was and what came of it; the action is the list's, in both arms, and so is what the
    table leaves open. A row of the table that names another list of the same kind and week is the same contact.
    """
    if issued.is_empty():
        return contacts
    if contacts is None:
        return issued.lazy()
    there = contacts.collect_schema().names()
    keyed, listed = contacts.with_columns(OF_WEEK), issued.lazy().with_columns(OF_WEEK)
    both = keyed.join(listed, on=["of", CUSTOMER], how="left", suffix=":issued", maintain_order="left")
    told = []
    for name in (each for each in SCHEMA if each not in KEY):
        parts = [name, f"{name}:issued"] if name in there else [name]
        told.append(pl.coalesce(parts[::-1] if name == "action" else parts).alias(name))
    own = both.with_columns(told).select([*there, *(name for name in SCHEMA if name not in there)])
    new = listed.join(keyed, on=["of", CUSTOMER], how="anti").drop("of")
    return pl.concat([own, new], how="diagonal")
