from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from holdfast.jobs.session import open_session
from serving.lists.contacts import SCHEMA, issued_contacts, merge_issued_contacts
from serving.lists.issuing import issue
from serving.lists.weekly import make_list
from serving.schemas.list_kind import ListKind, list_id
from serving.store.engine import open_store
from settings.load import load_settings

NOW = datetime(2026, 11, 24, 9, 30)
MakeTable = Callable[[str, str, list[tuple[object, ...]]], pl.LazyFrame]


def issued(*rows: tuple[object, ...]) -> pl.DataFrame:
    contacts = [
        (customer, datetime(2026, 3, 2), campaign, "mail", "email", treated, 0.9, 1.0) for customer, campaign, treated in rows
    ]
    return pl.DataFrame(contacts, schema=SCHEMA, orient="row")


def test_the_values_of_the_table_count_and_the_list_fills_its_nulls(make_table: MakeTable) -> None:
    contacts = make_table(
        "contacts",
        "customer_id contacted_at campaign_id treated responded_at",
        [("a", "2026-03-04", "list", None, "2026-03-05"), ("b", "2026-01-04", "other", True, None)],
    )
    merged = merge_issued_contacts(contacts, issued(("a", "list", True), ("b", "list", False)))
    assert merged is not None
    rows = merged.sort("customer_id", "contacted_at").select("customer_id", "contacted_at", "treated", "cost", "responded_at")
    assert rows.collect().rows() == [
        ("a", datetime(2026, 3, 4), True, 1.0, datetime(2026, 3, 5)),
        ("b", datetime(2026, 1, 4), True, None, None),
        ("b", datetime(2026, 3, 2), False, 1.0, None),
    ]


def test_without_lists_the_table_is_unchanged_and_without_a_table_the_lists_replace_it(make_table: MakeTable) -> None:
    contacts = make_table("contacts", "customer_id contacted_at campaign_id", [("a", "2026-03-04", "x")])
    assert merge_issued_contacts(contacts, issued()) is contacts
    assert merge_issued_contacts(None, issued()) is None
    without_table = merge_issued_contacts(None, issued(("a", "list", True)))
    assert without_table is not None
    assert without_table.collect().height == 1


def test_issued_rows_count_once_as_contacts_and_the_control_group_is_not_treated(workshop: Path) -> None:
    settings = load_settings(workshop, {})
    store: sa.Engine = open_store(settings.store_url)
    weekly = make_list(settings, store, ListKind.WIN_BACK)
    issue(settings, store, weekly, "ann", NOW)
    issue(settings, store, make_list(settings, store, ListKind.WIN_BACK, limit=3), "ben", NOW)
    contacts = issued_contacts(store).filter(campaign_id=weekly.list_id)
    assert contacts.height == weekly.frame.height
    assert contacts["treated"].sum() == (weekly.frame["arm"] == "treated").sum()
    assert issued_contacts(store).filter(pl.col("campaign_id") == f"{weekly.list_id}-2").is_empty()
    assert set(contacts["contacted_at"].dt.date()) == {weekly.run.as_of}
    customer = weekly.frame["customer_id"][0]
    assert issued_contacts(store, [customer])["customer_id"].unique().to_list() == [customer]
    store.dispose()
    with open_session(workshop, None) as session:
        merged = session.tables.contacts
    assert merged is not None
    assert merged.filter(campaign_id=weekly.list_id).collect().height == weekly.frame.height


@pytest.mark.parametrize("kind", list(ListKind))
def test_a_contact_that_names_another_list_of_the_kind_and_week_is_the_same_contact(
    make_table: MakeTable, kind: ListKind
) -> None:
    first, second = (list_id(kind, "2026-W10", run_id=3, version=version) for version in (1, 2))
    contacts = make_table("contacts", "customer_id contacted_at campaign_id", [("a", "2026-03-04", first)])
    merged = merge_issued_contacts(contacts, issued(("a", second, True)))
    assert merged is not None
    assert merged.select("customer_id", "campaign_id").collect().rows() == [("a", first)]
