"""Issued lists as contacts, merged with the contacts table so that each contact counts once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, time

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from features.tables.schema import CONTACTS, DTYPES
from serving.schemas.iso_weeks import list_start
from serving.schemas.list_kind import list_name_of_id
from serving.store.lists.precedence import acted_on_lists
from serving.store.lists.rows import contact_rows
from settings.sections import Settings

KEY = ("campaign_id", CUSTOMER)
COLUMNS = (CUSTOMER, "contacted_at", "campaign_id", "action", "channel", "treated", "propensity", "cost")
SCHEMA = {name: DTYPES[column.kind] for name in COLUMNS if (column := CONTACTS.column(name))}
NO_CONTACTS = pl.DataFrame(schema=SCHEMA)
SAME_NAMES: Mapping[str, str] = {}


def names_in_contacts(settings: Settings) -> dict[str, str]:
    """Return the name of each action in the contacts table."""
    return {action.name: action.contacts_name for action in settings.targeting.actions}


def issued_contacts(
    engine: sa.Engine, customer_ids: Sequence[str] | None = None, names: Mapping[str, str] = SAME_NAMES
) -> pl.DataFrame:
    """Return the rows of issued lists as contacts, without erased customers; `treated` is false for the control group.

    The list is the campaign, contacted on the day it starts (`list_start`). Of several lists of a kind and week the effective
    one counts, and for customers whom only others have, a replaced one that was acted on (`acted_on_lists`). `customer_ids`
    restricts the rows to some customers. `names` maps the names of actions to those in the contacts table, where they differ.
    """
    lists = acted_on_lists(engine)
    frames = [NO_CONTACTS]
    for issued, rows in zip(lists, contact_rows(engine, [issued.list_id for issued in lists], customer_ids), strict=True):
        start = datetime.combine(list_start(issued.week, issued.data_as_of), time.min)
        frames.append(_as_contacts(rows, issued.list_id, start, names))
    contacts, campaign = pl.concat(frames), list_name_of_id(pl.col("campaign_id")).alias("campaign")
    named = contacts.with_columns(campaign).unique(["campaign", CUSTOMER], keep="first", maintain_order=True)
    return named.drop("campaign")


def _as_contacts(rows: pl.DataFrame, list_id: str, contacted_at: datetime, names: Mapping[str, str]) -> pl.DataFrame:
    is_treated = pl.col("arm") == "treated"
    return rows.select(
        CUSTOMER,
        pl.lit(contacted_at, pl.Datetime("us")).alias("contacted_at"),
        pl.lit(list_id).alias("campaign_id"),
        pl.col("action").replace(names),
        "channel",
        is_treated.alias("treated"),
        "propensity",
        pl.when(is_treated).then("action_cost").otherwise(0.0).alias("cost"),
    )


def merge_issued_contacts(contacts: pl.LazyFrame | None, issued: pl.DataFrame) -> pl.LazyFrame | None:
    """Return the contacts table with the issued rows that it lacks; None if there are neither.

    A row of the table that names any list of the same kind and week is the same contact as the issued row. For such a row the
    table's values count, except for the action, which is the list's in both arms; null values are filled from the list.
    """
    if issued.is_empty():
        return contacts
    if contacts is None:
        return issued.lazy()
    columns = contacts.collect_schema().names()
    campaign = pl.coalesce(list_name_of_id(pl.col("campaign_id")), "campaign_id").alias("campaign")
    table, listed = contacts.with_columns(campaign), issued.lazy().with_columns(campaign)
    joined = table.join(listed, on=["campaign", CUSTOMER], how="left", suffix=":issued", maintain_order="left")
    values = []
    for name in (name for name in SCHEMA if name not in KEY):
        sources = [name, f"{name}:issued"] if name in columns else [name]
        values.append(pl.coalesce(sources[::-1] if name == "action" else sources).alias(name))
    merged = joined.with_columns(values).select([*columns, *(name for name in SCHEMA if name not in columns)])
    missing = listed.join(table, on=["campaign", CUSTOMER], how="anti").drop("campaign")
    return pl.concat([merged, missing], how="diagonal")
