"""An order of which everything was returned is no purchase, from the day on which that was known."""

from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from features.build import build_features
from features.cancelled_orders import mark_cancelled, net_of_returns
from features.frames.purchases import customer_days, occasions
from features.labels import labels
from features.point_in_time import known_before
from features.tables.schema import Tables
from settings.sections import Loyalty, Purchases

BuildOrders = Callable[..., pl.LazyFrame]
HEADER = "order_id quantity ingested_at"
RETURNED = [
    ("a", "2026-01-10", 30.0, "1", 1.0, None),
    ("a", "2026-03-01", 50.0, "2", 1.0, None),
    ("a", "2026-03-20", -50.0, "2", -1.0, None),
]


def purchase_days(lines: pl.LazyFrame, as_of: date) -> list[date]:
    known = known_before(Tables(lines), as_of).transactions
    return occasions(customer_days(known)).collect()["day"].sort().to_list()


def test_a_fully_returned_order_is_no_purchase_from_the_day_of_its_return(orders: BuildOrders) -> None:
    lines = orders(RETURNED, HEADER)
    assert purchase_days(lines, date(2026, 3, 20)) == [date(2026, 1, 10), date(2026, 3, 1)]
    assert purchase_days(lines, date(2026, 3, 21)) == [date(2026, 1, 10)]


def test_features_follow(orders: BuildOrders) -> None:
    tables = Tables(orders(RETURNED, HEADER))
    before, after = (
        build_features(tables, day, 365, Loyalty()).row(0, named=True) for day in (date(2026, 3, 20), date(2026, 3, 21))
    )
    assert (before["orders"], before["frequency"], before["recency_days"], before["historic_value"]) == (2, 1, 19, 80)
    assert (after["orders"], after["frequency"], after["recency_days"], after["historic_value"]) == (1, 0, 70, 30)
    assert after["return_share"] == pytest.approx(50 / 80)


@pytest.mark.parametrize(
    ("lines", "purchases"),
    [
        ([("a", "2026-01-10", 30.0, "1", 1.0), ("a", "2026-01-12", -10.0, "1", -1.0)], 1),  # a part came back
        ([("a", "2026-01-10", 30.0, "1", 1.0), ("a", "2026-01-12", -40.0, "1", -1.0)], 0),  # with a compensation
        ([("a", "2026-01-10", 30.0, "1", 1.0), ("a", "2026-01-12", -30.0, "2", -1.0)], 1),  # not linked by its number
        ([("a", "2026-01-10", 30.0, "1", 1.0), ("b", "2026-01-12", -30.0, "1", -1.0)], 1),  # another customer's order 1
        ([("a", "2026-01-10", 0.0, "1", 1.0)], 1),  # a gift, not returned
        ([("a", "2026-01-10", 0.1, "1", 1.0), ("a", "2026-01-10", 0.2, "1", 1.0), ("a", "2026-01-12", -0.3, "1", -1.0)], 0),
        ([("a", "2026-01-10", 30.0, "1", 1.0), ("a", "2026-01-12", -30.0, "1", -1.0), ("a", "2026-01-14", 5.0, "1", 1.0)], 2),
        ([("a", "2026-01-10", 30.0, "1", 1.0), ("a", "2026-01-10", 9.0, "2", 1.0), ("a", "2026-01-12", -30.0, "1", -1.0)], 1),
        ([("a", "2026-01-10", 30.0, None, 1.0), ("a", "2026-01-12", -30.0, None, -1.0)], 1),  # no number, no link
    ],
)
def test_what_is_a_cancelled_order(
    orders: BuildOrders, lines: list[tuple[str, str, float, str | None, float]], purchases: int
) -> None:
    assert len(purchase_days(orders(lines, "order_id quantity"), date(2026, 2, 1))) == purchases


def test_a_return_counts_from_the_day_it_was_loaded(orders: BuildOrders) -> None:
    late = [*RETURNED[:2], ("a", "2026-03-20", -50.0, "2", -1.0, "2026-04-05 06:00")]
    assert len(purchase_days(orders(late, HEADER), date(2026, 4, 5))) == 2
    assert len(purchase_days(orders(late, HEADER), date(2026, 4, 6))) == 1


def test_labels_do_not_count_an_order_that_was_cancelled_by_the_day_of_training(orders: BuildOrders) -> None:
    lines, day = orders(RETURNED, HEADER), date(2026, 2, 1)
    early, late = (known_before(Tables(lines), as_of).transactions for as_of in (date(2026, 3, 15), date(2026, 4, 1)))
    assert labels(early, day, 28 + 14).collect()["next_orders"].to_list() == [1]
    assert labels(late, day, 28 + 14).collect()["next_orders"].to_list() == [0]


def test_with_net_line_every_sale_line_counts(orders: BuildOrders) -> None:
    tables = net_of_returns(Tables(orders(RETURNED, HEADER)), Purchases(net="line"))
    assert len(purchase_days(tables.transactions, date(2026, 4, 1))) == 2


def test_lines_keep_their_order(orders: BuildOrders) -> None:
    marked = mark_cancelled(orders(RETURNED, HEADER)).collect()
    assert marked["amount"].to_list() == [30.0, 50.0, -50.0]
    assert marked["is_cancelled"].to_list() == [False, True, True]
