"""Merged customers: chains, cycles and corrections, by what was known on a day."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from features.build import build_features, features_as_of
from features.frames.aliases import known_aliases, survivors
from features.frames.encoded import encode_tables
from features.norms import compute_norms
from features.partition import Part
from features.point_in_time import known_before
from features.tables.schema import Tables
from settings.sections import Loyalty

BuildOrders = Callable[..., pl.LazyFrame]
Rows = list[tuple[str, str, str | None]]
AS_OF = date(2026, 6, 1)


def aliases(rows: Rows) -> pl.LazyFrame:
    frame = pl.LazyFrame(rows, schema={"old_id": pl.String, "new_id": pl.String, "known_at": pl.String}, orient="row")
    return frame.with_columns(pl.col("known_at").str.to_datetime("%Y-%m-%d", time_unit="us"))


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], {}),
        ([("a", "b", None)], {"a": "b"}),
        ([("a", "b", None), ("b", "c", None), ("c", "d", "2026-01-01")], {"a": "d", "b": "d", "c": "d"}),
        ([("a", "c", None), ("b", "c", None)], {"a": "c", "b": "c"}),
        ([("a", "b", "2026-01-01"), ("a", "c", "2026-02-01")], {"a": "c"}),  # corrected
        ([("a", "b", "2026-02-01"), ("a", "c", "2026-01-01"), ("a", "d", None)], {"a": "b"}),
        ([("a", "b", "2026-01-01"), ("a", "a", "2026-02-01")], {}),  # taken back
        ([("a", "a", "2026-01-01"), ("a", "b", "2026-02-01")], {"a": "b"}),
        ([("a", "b", "2026-01-01"), ("b", "a", "2026-02-01")], {"b": "a"}),  # a cycle: the newest row decides
        ([("a", "b", "2026-02-01"), ("b", "a", "2026-01-01")], {"a": "b"}),
        (
            [("a", "b", "2026-01-01"), ("b", "c", "2026-03-01"), ("c", "a", "2026-02-01"), ("z", "a", None)],
            {"a": "c", "b": "c", "z": "c"},
        ),
        ([("a", "b", None), ("a", "b", None)], {"a": "b"}),
        ([("a", "b", "2026-07-01")], {}),  # not known yet
    ],
)
def test_which_id_survives(rows: Rows, expected: dict[str, str]) -> None:
    merged = survivors(known_aliases(aliases(rows), datetime(2026, 6, 1)))
    assert dict(merged.iter_rows()) == expected


def follow(rows: Rows) -> dict[str, str]:
    """The rules of the module, one id after the other."""
    following: dict[str, str] = {}
    for old, new, _ in sorted(rows, key=lambda row: (row[2] or "", row[1])):
        following.pop(old, None)  # so that the newest row of an id comes last
        following[old] = new
    following = {old: new for old, new in following.items() if old != new}
    result = {}
    for start in following:
        path = [start]
        while path[-1] in following and following[path[-1]] not in path:
            path.append(following[path[-1]])
        if path[-1] in following:  # a cycle
            cycle = path[path.index(following[path[-1]]) :]
            newest = [old for old in following if old in cycle][-1]
            result[start] = following[newest]
        else:
            result[start] = path[-1]
    return {old: new for old, new in result.items() if old != new}


IDS = st.sampled_from("abcdefg")
DAYS = st.sampled_from([None, "2026-01-01", "2026-02-01", "2026-03-01"])


@hypothesis_settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(IDS, IDS, DAYS), max_size=12, unique_by=lambda row: (row[0], row[2])))
def test_any_graph_of_aliases_has_one_survivor_per_id(rows: Rows) -> None:
    merged = dict(survivors(known_aliases(aliases(rows))).iter_rows())
    expected = follow(rows)
    assert set(merged) == set(expected)
    assert not set(merged) & set(merged.values())
    assert merged == expected


LINES = [("a", "2026-01-10", 30.0), ("b", "2026-02-10", 20.0), ("a", "2026-03-10", 10.0), ("c", "2026-03-11", 5.0)]


def test_features_follow_the_survivor_from_the_day_the_merger_was_known(orders: BuildOrders) -> None:
    tables = Tables(orders(LINES), aliases=aliases([("a", "b", "2026-04-01")]))
    before, after = (
        dict(build_features(tables, day, 365, Loyalty()).select("customer_id", "orders").iter_rows())
        for day in (date(2026, 4, 1), date(2026, 4, 2))
    )
    assert before == {"a": 2.0, "b": 1.0, "c": 1.0}
    assert after == {"b": 3.0, "c": 1.0}


CUSTOMERS: list[tuple[object, ...]] = [
    ("a", None, None),
    ("c", "2026-01-05", "a"),
    ("d", "2026-01-06", "b"),
    ("b", "2026-01-07", "a"),
]


def test_every_table_follows(orders: BuildOrders, make_table: Callable[..., pl.LazyFrame]) -> None:
    tables = Tables(
        orders(LINES),
        complaints=make_table("complaints", "complaint_id customer_id opened_at", [("k1", "a", "2026-03-01")]),
        surveys=make_table("surveys", "customer_id answered_at rating", [("a", "2026-03-01", 2.0)]),
        contacts=make_table("contacts", "customer_id contacted_at campaign_id", [("a", "2026-03-01", "m")]),
        customers=make_table("customers", "customer_id joined_at referred_by", CUSTOMERS),
        aliases=aliases([("a", "b", None)]),
    )
    rows = build_features(tables, AS_OF, 365, Loyalty()).filter(customer_id="b").row(0, named=True)
    assert (rows["open_complaints"], rows["surveys"], rows["referrals"]) == (1, 1, 2)
    assert rows["last_contact_days"] == 92
    assert "a" not in build_features(tables, AS_OF, 365, Loyalty())["customer_id"]


def test_an_order_of_one_id_that_was_returned_under_another_is_cancelled_once_they_are_merged(orders: BuildOrders) -> None:
    lines = orders([("a", "2026-01-10", 30.0, "1"), ("b", "2026-02-10", -30.0, "1"), ("b", "2026-02-11", 5.0, "2")], "order_id")
    tables = Tables(lines, aliases=aliases([("a", "b", "2026-04-01"), ("a", "a", "2026-05-01")]))  # taken back in May
    encoded = encode_tables(tables)
    for day, expected in ((date(2026, 3, 1), {"a": 1, "b": 1}), (date(2026, 4, 15), {"b": 1}), (AS_OF, {"a": 1, "b": 1})):
        norms = compute_norms(tables, day)
        for frame in (build_features(tables, day, 365, Loyalty()), features_as_of(encoded, day, 365, Loyalty(), norms)):
            assert dict(frame.select("customer_id", "orders").iter_rows()) == expected


def test_lines_of_customers_who_merge_later_are_in_the_order_of_their_own_days_before(orders: BuildOrders) -> None:
    days = [("b", "2025-09-28"), ("a", "2025-09-30"), ("b", "2025-10-05"), ("b", "2025-10-29")]
    tables = Tables(orders([(customer, day, 5.0) for customer, day in days]), aliases=aliases([("b", "a", "2025-12-03")]))
    day = date(2025, 12, 1)
    norms = compute_norms(tables, day)
    encoded = encode_tables(known_before(tables, AS_OF))  # as training reads them: with the ids of its own day
    assert_frame_equal(
        features_as_of(encoded, day, 365, Loyalty(), norms), build_features(tables, day, 365, Loyalty(), norms), check_exact=True
    )


MOMENTS = st.integers(0, 300).map(lambda days: (datetime(2025, 9, 1) + timedelta(days=days)).strftime("%Y-%m-%d"))


@pytest.mark.slow
@hypothesis_settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])  # shrinking is slow
@given(
    st.lists(st.tuples(IDS, MOMENTS, st.integers(-5, 20).map(float), st.sampled_from("12")), min_size=1, max_size=20),
    st.lists(st.tuples(IDS, IDS, st.none() | MOMENTS), max_size=8),
    st.integers(1, 4),
)
def test_days_parts_and_later_rows(lines: list[tuple[str, str, float, str]], rows: Rows, parts: int) -> None:
    """The same encoded tables serve every day, parts are the whole, and later aliases and orders change nothing."""
    schema = {"customer_id": pl.String, "ordered_at": pl.String, "amount": pl.Float64, "order_id": pl.String}
    table = pl.LazyFrame(lines, schema=schema, orient="row").with_columns(pl.col("ordered_at").str.to_datetime(time_unit="us"))
    tables, loyalty = Tables(table, aliases=aliases(rows)), Loyalty()
    encoded = encode_tables(tables)
    for day in (date(2025, 12, 1), AS_OF):
        norms, moment = compute_norms(tables, day), datetime(day.year, day.month, day.day)
        expected = build_features(tables, day, 365, loyalty, norms)
        assert_frame_equal(features_as_of(encoded, day, 365, loyalty, norms), expected, check_exact=True)
        early = Tables(
            table.filter(pl.col("ordered_at") < moment),
            aliases=aliases(rows).filter((pl.col("known_at") < moment).fill_null(value=True)),
        )
        assert_frame_equal(build_features(early, day, 365, loyalty, norms), expected, check_exact=True)
        known = known_before(tables, AS_OF)
        together = [features_as_of(encode_tables(known, Part(n, parts)), day, 365, loyalty, norms) for n in range(parts)]
        if day == AS_OF:
            assert_frame_equal(pl.concat(together).sort("customer_id"), expected, check_exact=True)
        assert_frame_equal(features_as_of(encode_tables(known), day, 365, loyalty, norms), expected, check_exact=True)
