"""Which details of a customer are kept: mapped ones, the newest that is not empty, and none that is only mapped by its name."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from features.tables.read import read_table
from features.tables.schema import CUSTOMERS, Tables
from serving.scoring.details import MAX_LENGTH, customer_details
from settings.load import load_settings

Build = Callable[..., pl.LazyFrame]


def details_of(make_table: Build, header: str, *rows: tuple[object, ...]) -> pl.DataFrame | None:
    customers = make_table("customers", header, list(rows))
    return customer_details(Tables(make_table("transactions", "customer_id ordered_at amount", []), customers=customers))


def test_the_newest_value_that_is_not_empty_counts(make_table: Build) -> None:
    details = details_of(
        make_table,
        "customer_id email name ingested_at",
        ("a", "new@example.com", None, "2025-03-01"),
        ("a", "old@example.com", " Ann ", None),
        ("b", "  ", None, "2025-03-01"),
        (None, "nobody@example.com", None, None),
        ("c", None, "c" * 2 * MAX_LENGTH, None),
    )
    assert details is not None
    assert details.rows() == [("a", None, "Ann", "new@example.com", None), ("c", None, "c" * MAX_LENGTH, None, None)]


def test_without_ingested_at_the_last_row_counts(make_table: Build) -> None:
    details = details_of(make_table, "customer_id email", ("a", "1@example.com"), ("a", "2@example.com"), ("a", None))
    assert details is not None
    assert details["email"].to_list() == ["2@example.com"]


def test_without_a_mapped_detail_or_a_customers_table_there_are_none(make_table: Build) -> None:
    assert details_of(make_table, "customer_id region", ("a", "north")) is None
    assert customer_details(Tables(make_table("transactions", "customer_id ordered_at amount", []))) is None


def test_a_detail_is_read_only_where_the_configuration_maps_it(tmp_path: Path) -> None:
    (tmp_path / "customers.csv").write_text("customer_id,email,name,phone\n1,a@example.com,Ann,+49 1\n")
    (tmp_path / "orders.csv").write_text("customer_id,order_id,ordered_at,amount\n1,1,2025-01-01,5\n")
    config = tmp_path / "holdfast.toml"
    tables = '[tables]\ntransactions = "orders.csv"\ncustomers = "customers.csv"\n'
    for columns, expected in (
        ("", set()),
        ('[columns.customers]\nemail = "email"\nexternal_id = "phone"\n', {"email", "external_id"}),
    ):
        config.write_text(tables + columns)
        rows = read_table(load_settings(config, {}), "customers").rows
        assert set(rows.collect_schema()) & set(CUSTOMERS.details) == expected
