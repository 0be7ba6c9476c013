from collections.abc import Callable
from datetime import date

import polars as pl

from features.labels import with_labels

AS_OF = date(2025, 3, 1)


def test_the_window_includes_the_as_of_date_and_excludes_its_end(orders: Callable[..., pl.LazyFrame]) -> None:
    lines = orders(
        [
            ("before", "2025-02-28T23:59", 1.0),
            ("first", "2025-03-01T00:00", 2.0),
            ("last", "2025-03-10T23:59", 3.0),
            ("after", "2025-03-11T00:00", 4.0),
            ("returned", "2025-03-05", -5.0),
        ]
    )
    customers = pl.LazyFrame({"customer_id": ["before", "first", "last", "after", "returned"]})
    actual = with_labels(customers, lines, AS_OF, 10).collect().rows()
    assert actual == [
        ("before", 0, 0.0, 1),
        ("first", 1, 2.0, 0),
        ("last", 1, 3.0, 0),
        ("after", 0, 0.0, 1),
        ("returned", 0, -5.0, 1),
    ]
