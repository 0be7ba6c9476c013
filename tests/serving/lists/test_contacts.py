from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from holdfast.jobs.session import open_session
from serving.lists.contacts import SCHEMA, issued_contacts, with_issued
from serving.lists.weekly import issue, make_list
from serving.schemas.list_kind import ListKind
from serving.store.engine import open_store
from settings.load import load_settings

NOW = datetime(2026, 11, 24, 9, 30)
MakeTable = Callable[[str, str, list[tuple[object, ...]]], pl.LazyFrame]


def issued(*rows: tuple[object, ...]) -> pl.DataFrame:
    told = [(who, datetime(2026, 3, 2), campaign, "mail", "email", treated, 0.9, 1.0) for who, campaign, treated in rows]
    return pl.DataFrame(told, schema=SCHEMA, orient="row")


def test_the_table_says_what_came_of_a_row_and_the_list_what_it_leaves_open(make_table: MakeTable) -> None:
    contacts = make_table(
        "contacts",
        "customer_id contacted_at campaign_id treated responded_at",
        [("a", "2026-03-04", "list", None, "2026-03-05"), ("b", "2026-01-04", "other", True, None)],
    )
    found = with_issued(contacts, issued(("a", "list", True), ("b", "list", False)))
    assert found is not None
    told = found.sort("customer_id", "contacted_at").select("customer_id", "contacted_at", "treated", "cost", "responded_at")
    assert told.collect().rows() == [
        ("a", datetime(2026, 3, 4), True, 1.0, datetime(2026, 3, 5)),
        ("b", datetime(2026, 1, 4), True, None, None),
        ("b", datetime(2026, 3, 2), False, 1.0, None),
    ]


def test_without_lists_the_table_is_as_it_was_and_without_a_table_the_lists_are_it(make_table: MakeTable) -> None:
    contacts = make_table("contacts", "customer_id contacted_at campaign_id", [("a", "2026-03-04", "x")])
    assert with_issued(contacts, issued()) is contacts
    assert with_issued(None, issued()) is None
    alone = with_issued(None, issued(("a", "list", True)))
    assert alone is not None
    assert alone.collect().height == 1


def test_issued_rows_are_contacts_once_and_those_held_out_are_none(workshop: Path) -> None:
    settings = load_settings(workshop, {})
    store: sa.Engine = open_store(settings.store_url)
    weekly = make_list(settings, store, ListKind.WIN_BACK)
    issue(store, weekly, "ann", NOW)
    issue(store, make_list(settings, store, ListKind.WIN_BACK, limit=3), "ben", NOW)
    found = issued_contacts(store).filter(campaign_id=weekly.list_id)
    assert found.height == weekly.frame.height
    assert found["treated"].sum() == (weekly.frame["arm"] == "treated").sum()
    assert issued_contacts(store).filter(pl.col("campaign_id") == f"{weekly.list_id}-2").is_empty()
    assert set(found["contacted_at"].dt.date()) == {weekly.run.as_of}
    one = weekly.frame["customer_id"][0]
    assert issued_contacts(store, [one])["customer_id"].unique().to_list() == [one]
    store.dispose()
    contacts = open_session(workshop, None).tables.contacts
    assert contacts is not None
    assert contacts.filter(campaign_id=weekly.list_id).collect().height == weekly.frame.height
