"""No feature as of a date may change when later rows, later columns or other customers change."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from features.build import FEATURES, build_features, features_as_of
from features.frames.encoded import encode_tables
from features.norms import Norms, compute_norms
from features.partition import ALL_CUSTOMERS, Part
from features.tables.schema import ALL_TABLES, DTYPES, Tables
from settings.sections import Loyalty

AS_OF = date(2025, 3, 1)
MIDNIGHT = datetime(2025, 3, 1)
START = datetime(2024, 1, 1)
QUICK = settings(
    max_examples=10, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

customer_ids = st.sampled_from(["a", "b", "c", "007"])
order_ids = st.sampled_from(["1", "2", "3", None])  # few, so that orders have sales and returns
moments = st.integers(0, 600 * 24).map(lambda hours: START + timedelta(hours=hours))
optional_moments = st.one_of(st.none(), moments)
amounts = st.integers(-500, 2000).map(lambda cents: cents / 100)


def table_rows(table: str, *cells: st.SearchStrategy[object]) -> st.SearchStrategy[pl.LazyFrame]:
    columns = HEADERS[table].split()
    dtypes = {name: DTYPES[column.kind] for name in columns if (column := ALL_TABLES[table].column(name))}
    return st.lists(st.tuples(*cells), max_size=25).map(lambda rows: pl.LazyFrame(rows, schema=dtypes, orient="row"))


HEADERS = {
    "transactions": "customer_id order_id ordered_at amount quantity unit_price discount product_id brand category "
    "region channel store ingested_at",
    "complaints": "customer_id opened_at resolved_at satisfied contacts_to_resolve topic channel ingested_at",
    "surveys": "customer_id answered_at rating dimension expectation ingested_at",
    "contacts": "customer_id contacted_at treated channel action responded_at ingested_at",
    "customers": "customer_id joined_at referred_by region channel partner marketing_consent household contact_point "
    "external_id name email phone ingested_at",
}
optional_flags = st.one_of(st.none(), st.booleans())
names = st.sampled_from(["A", "B", "C", None])
dimensions = st.sampled_from(["reliability", "empathy", None])
quantities = st.integers(-2, 3).map(float)
shares = st.sampled_from([None, 0.0, 0.2])
all_tables = st.builds(
    Tables,
    table_rows(
        "transactions", customer_ids, order_ids, moments, amounts, quantities, amounts, shares, *[names] * 6, optional_moments
    ),
    table_rows(
        "complaints", customer_ids, moments, optional_moments, optional_flags, st.integers(1, 9), names, names, optional_moments
    ),
    table_rows(
        "surveys", customer_ids, moments, st.integers(1, 5).map(float), dimensions, st.integers(1, 5).map(float), optional_moments
    ),
    table_rows("contacts", customer_ids, moments, optional_flags, names, names, optional_moments, optional_moments),
    table_rows(
        "customers",
        customer_ids,
        optional_moments,
        customer_ids,
        names,
        names,
        optional_flags,
        optional_flags,
        *[names] * 6,
        optional_moments,
    ),
)
Change = Callable[[str, pl.LazyFrame], pl.LazyFrame]


def features(tables: Tables, as_of: date = AS_OF, norms: Norms | None = None, part: Part = ALL_CUSTOMERS) -> pl.DataFrame:
    return build_features(tables, as_of, 365, Loyalty(min_purchases=2), norms, part)


def change_tables(tables: Tables, change: Change) -> Tables:
    return replace(tables, **{name: change(name, frame) for name, frame in tables.present().items()})


def known_by_then(name: str) -> pl.Expr:
    dates = [ALL_TABLES[name].known_from, "ingested_at"]
    return pl.all_horizontal((pl.col(column) < MIDNIGHT).fill_null(value=True) for column in dates)


@QUICK
@given(all_tables)
@pytest.mark.slow
def test_rows_that_became_known_later_change_nothing(tables: Tables) -> None:
    truncated = change_tables(tables, lambda name, frame: frame.filter(known_by_then(name)))
    assert_frame_equal(features(tables), features(truncated))


@QUICK
@given(all_tables, st.floats(-1e12, 1e12))
@pytest.mark.slow
def test_extreme_later_rows_change_nothing(tables: Tables, extreme: float) -> None:
    def poison(name: str, frame: pl.LazyFrame) -> pl.LazyFrame:
        late = pl.lit(MIDNIGHT).cast(pl.Datetime("us"))
        row = frame.select(
            pl.lit("a").alias("customer_id"), late.alias(ALL_TABLES[name].known_from), late.alias("ingested_at")
        ).head(1)
        numbers = [column for column, dtype in frame.collect_schema().items() if dtype == pl.Float64]
        early = row.with_columns(pl.lit(START).cast(pl.Datetime("us")).alias(ALL_TABLES[name].known_from))
        poisoned = pl.concat([row, early]).with_columns(pl.lit(extreme).alias(column) for column in numbers)
        return pl.concat([frame, poisoned], how="diagonal")

    assert_frame_equal(features(tables), features(change_tables(tables, poison)))


@pytest.mark.slow
@QUICK
@given(all_tables)
def test_columns_that_were_filled_later_change_nothing(tables: Tables) -> None:
    def overwrite(name: str, frame: pl.LazyFrame) -> pl.LazyFrame:
        dated = [column for column in ALL_TABLES[name].columns if column.known_from]
        if not dated:
            return frame
        date_column = str(dated[0].known_from)
        schema = frame.collect_schema()
        not_known = (pl.col(date_column) >= MIDNIGHT).fill_null(value=True)
        invented = {pl.Datetime("us"): pl.lit(datetime(2099, 1, 1)), pl.Boolean(): pl.lit(value=True), pl.Int64(): pl.lit(99)}
        columns = [c.name for c in dated if c.name in schema]
        cells = [pl.when(not_known).then(invented[schema[c]].cast(schema[c])).otherwise(pl.col(c)).alias(c) for c in columns]
        return frame.with_columns(cells)

    assert_frame_equal(features(tables), features(change_tables(tables, overwrite)))


@QUICK
@given(all_tables)
@pytest.mark.slow
def test_current_state_is_not_a_feature(tables: Tables) -> None:
    def flip(name: str, frame: pl.LazyFrame) -> pl.LazyFrame:
        schema = frame.collect_schema()
        state = {column: schema[column] for column in ALL_TABLES[name].current_state}
        return frame.with_columns(
            ~pl.col(column) if dtype == pl.Boolean else pl.lit("moved").alias(column) for column, dtype in state.items()
        )

    assert_frame_equal(features(tables), features(change_tables(tables, flip)))


@QUICK
@given(all_tables)
@pytest.mark.slow
def test_the_order_of_rows_changes_nothing(tables: Tables) -> None:
    reversed_rows = change_tables(tables, lambda _name, frame: frame.reverse())
    assert_frame_equal(features(tables), features(reversed_rows), check_exact=True)


@QUICK
@given(all_tables, customer_ids)
@pytest.mark.slow
def test_other_customers_change_nothing(tables: Tables, customer: str) -> None:
    norms = compute_norms(tables, AS_OF)
    alone = change_tables(tables, lambda name, frame: frame.filter((pl.col("customer_id") == customer) | (name == "customers")))
    expected = features(tables, norms=norms).filter(pl.col("customer_id") == customer)
    assert_frame_equal(features(alone, norms=norms).filter(pl.col("customer_id") == customer), expected, check_exact=True)


@QUICK
@given(all_tables, st.integers(1, 5))
@pytest.mark.slow
def test_parts_by_customer_together_are_all_features(tables: Tables, parts: int) -> None:
    norms = compute_norms(tables, AS_OF)
    together = pl.concat([features(tables, norms=norms, part=Part(number, parts)) for number in range(parts)])
    assert_frame_equal(together.sort("customer_id"), features(tables, norms=norms), check_exact=True)


@QUICK
@given(all_tables)
@pytest.mark.slow
def test_the_same_encoded_tables_serve_every_as_of_date(tables: Tables) -> None:
    encoded, loyalty = encode_tables(tables), Loyalty(min_purchases=2)
    for day in (date(2024, 6, 1), AS_OF):
        norms = compute_norms(tables, day)
        assert_frame_equal(features_as_of(encoded, day, 365, loyalty, norms), features(tables, day, norms), check_exact=True)


@QUICK
@given(all_tables)
def test_every_number_is_finite(tables: Tables) -> None:
    numbers = features(tables).select(pl.col(pl.Float64))
    assert numbers.select(pl.all().is_finite().all()).row(0) == (True,) * numbers.width


@QUICK
@given(all_tables, st.integers(-400, 400))
@pytest.mark.slow
def test_shifting_every_date_changes_nothing_but_the_as_of_date(tables: Tables, days: int) -> None:
    def shift(_name: str, frame: pl.LazyFrame) -> pl.LazyFrame:
        return frame.with_columns(pl.col(pl.Datetime("us")) + pl.duration(days=days))

    shifted = features(change_tables(tables, shift), AS_OF + timedelta(days=days))
    calendar_columns = ["as_of", *(feature.name for feature in FEATURES if feature.is_calendar)]
    assert_frame_equal(features(tables).drop(calendar_columns), shifted.drop(calendar_columns))
