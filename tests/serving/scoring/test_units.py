from collections.abc import Callable

import polars as pl
import pytest

from features.tables.schema import Tables
from serving.scoring.units import build_units
from serving.targeting.units import NO_UNITS, UNIT_COLUMNS

Rows = list[tuple[object, ...]]
NO_CONTACTS = pl.DataFrame(schema={"customer_id": pl.String, "contacted_days": pl.Int64})
Units = Callable[..., pl.DataFrame]


@pytest.fixture
def units(make_table: Callable[[str, str, Rows], pl.LazyFrame]) -> Units:
    """Build the units of customers from rows of the customers table."""

    def build(
        rows: Rows,
        header: str = "customer_id household contact_point",
        candidates: tuple[str, ...] = (),
        contacted: pl.DataFrame = NO_CONTACTS,
        key: str = "k",
    ) -> pl.DataFrame:
        tables = Tables(transactions=pl.LazyFrame(), customers=make_table("customers", header, rows))
        return build_units(tables, contacted, pl.Series(candidates, dtype=pl.String), key)

    return build


def groups(frame: pl.DataFrame) -> list[list[str]]:
    return sorted(frame.group_by("unit").agg(pl.col("customer_id").sort())["customer_id"].to_list())


def test_customers_belong_together_through_any_chain_of_households_and_contact_points(units: Units) -> None:
    rows = [("a", "1", "x"), ("b", "1", "y"), ("c", None, "y"), ("d", "2", None), ("e", "2", None), ("f", None, None)]
    assert groups(units(rows)) == [["a", "b", "c"], ["d", "e"]]


def test_a_household_and_a_contact_point_with_the_same_text_are_different(units: Units) -> None:
    assert units([("a", "1", None), ("b", None, "1")]).is_empty()


def test_case_space_and_form_of_a_text_do_not_matter_and_empty_texts_are_nobodys(units: Units) -> None:
    rows = [("a", None, " Zo\u00eb@x.org"), ("b", None, "ZOE\u0308@X.ORG "), ("c", " ", ""), ("d", "", " ")]
    assert groups(units(rows)) == [["a", "b"]]


def test_all_rows_of_a_customer_count(units: Units) -> None:
    assert groups(units([("a", None, "x"), ("a", None, "y"), ("b", None, "y"), ("c", None, "x")])) == [["a", "b", "c"]]


def test_customers_alone_are_kept_only_if_they_are_candidates(units: Units) -> None:
    frame = units([("a", None, "x"), ("b", None, "y")], candidates=("b", "z"))
    assert frame["customer_id"].to_list() == ["b"]
    assert frame["unit"].to_list() == frame["links"].to_list()


def test_the_unit_is_named_by_what_most_of_them_share(units: Units) -> None:
    """So it keeps its name while members come, go and change their own contact points."""
    week = units([("a", "1", "x"), ("b", "1", "y")])
    later = units([("b", "1", "z"), ("c", "1", "w"), ("d", None, "w"), ("e", "1", None)])
    assert week["unit"].unique().to_list() == later["unit"].unique().to_list()
    assert set(week["unit"]) <= set(later.filter(customer_id="c")["links"].item().split(" "))


def test_a_contact_point_comes_before_a_household_that_as_many_share(units: Units) -> None:
    both = units([("a", "1", "x"), ("b", "1", "x")])
    assert both["unit"][0] == units([("a", None, "x"), ("b", None, "x")])["unit"][0]


def test_units_are_keyed_hashes_without_any_address(units: Units) -> None:
    rows: Rows = [("a", "Main Street 1", "ann@x.org"), ("b", "Main Street 1", None)]
    frame = units(rows)
    assert frame.schema == pl.Schema(UNIT_COLUMNS)
    assert frame["unit"].str.contains(r"^[0-9a-f]{32}$").all()
    assert frame["links"].str.contains(r"^[0-9a-f]{32}( [0-9a-f]{32})?$").all()
    assert units(rows)["unit"].equals(frame["unit"])
    assert not units(rows, key="other")["unit"].equals(frame["unit"])


def test_contacts_of_members_who_are_no_candidates_are_kept(units: Units) -> None:
    contacted = pl.DataFrame({"customer_id": ["a", "c"], "contacted_days": [3, 4]})
    frame = units([("a", "1", None), ("b", "1", None)], candidates=("b",), contacted=contacted)
    assert frame.select("customer_id", "contacted_days").rows() == [("a", 3), ("b", None)]


@pytest.mark.parametrize("header", ["customer_id", "customer_id household", "customer_id contact_point"])
def test_without_the_columns_or_the_table_every_customer_is_alone(units: Units, header: str) -> None:
    rows: Rows = [("a", "1"), ("b", "1")] if " " in header else [("a",), ("b",)]
    assert units(rows, header).height == (2 if " " in header else 0)
    assert build_units(Tables(transactions=pl.LazyFrame()), NO_CONTACTS, pl.Series(["a"]), "k").equals(NO_UNITS)
