import warnings
from datetime import date

import polars as pl
import pytest

from features.families.recency import recency
from features.frames.encoded import encode_tables
from features.frames.purchases import occasions, sorted_customer_days
from features.tables.schema import Tables
from holdfast.demo.cdnow import read_cdnow


def test_frequency_recency_and_t_equal_the_summary_of_lifetimes() -> None:
    log = read_cdnow()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lifetimes on pandas 3
        from lifetimes.utils import summary_data_from_transaction_data

        summary = summary_data_from_transaction_data(
            log.to_pandas(), "customer_id", "ordered_at", observation_period_end="1998-06-30"
        )
    expected = pl.from_pandas(summary.reset_index()).sort("customer_id")
    lines = log.lazy().with_columns(pl.col("ordered_at").cast(pl.Datetime("us")), pl.col("quantity").cast(pl.Float64))
    encoded = encode_tables(Tables(lines))
    purchases = occasions(sorted_customer_days(encoded.tables.transactions).lazy())
    actual = recency(purchases, date(1998, 6, 30)).sort("customer_id").collect()
    for column in ("frequency", "recency", "T"):
        assert actual[column].cast(pl.Float64).to_list() == pytest.approx(expected[column].to_list()), column
