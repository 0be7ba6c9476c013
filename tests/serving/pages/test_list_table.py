"""The order, pages and columns of the table of a list."""

import polars as pl
import pytest

from serving.http.errors import ApiError
from serving.pages.list_table import BY_NAME, COLUMNS, Order, chosen_columns, select_page, shared_action, shared_values

SIZE = 3


def rows_of_list(size: int = 8) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "rank": range(1, size + 1),
            "id_order": [(5 * row) % size for row in range(size)],
            "p_churn": [0.5, 0.9, None, 0.5, 0.1, 0.9, 0.5, None][:size],
            "loyalty_segment": ["split", "switcher"] * (size // 2),
            "lifecycle_stage": ["client"] * size,
            "arm": ["treated"] * (size - 1) + ["control"],
            "action": ["retention"] * size,
            "channel": ["email"] * size,
            "owner": ["marketing"] * size,
            "allowed": [True] * size,
        }
    )


def all_pages(rows: pl.DataFrame, order: Order, filters: dict[str, str] | None = None) -> list[list[int]]:
    pages, after = [], 0
    while True:
        page, _ = select_page(rows, filters or {}, order, after, SIZE)
        pages.append(page.ranks)
        if page.next_after is None:
            return pages
        after = page.next_after


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("-rank", [8, 7, 6, 5, 4, 3, 2, 1]),
        ("risk", [5, 1, 4, 7, 2, 6, 3, 8]),
        ("-risk", [2, 6, 1, 4, 7, 5, 3, 8]),
        ("segment", [1, 3, 5, 7, 2, 4, 6, 8]),
    ],
)
def test_pages_together_have_each_row_once_in_order(order: str, expected: list[int]) -> None:
    pages = all_pages(rows_of_list(), Order.parse(order))
    assert [rank for page in pages for rank in page] == expected
    assert [len(page) for page in pages] == [3, 3, 2]


@pytest.mark.parametrize("order", ["", "-risk", "customer", "-segment"])
def test_the_previous_page_is_the_page_one_came_from(order: str) -> None:
    rows, parsed = rows_of_list(), Order.parse(order)
    first, _ = select_page(rows, {}, parsed, 0, SIZE)
    second, _ = select_page(rows, {}, parsed, first.next_after or 0, SIZE)
    third, _ = select_page(rows, {}, parsed, second.next_after or 0, SIZE)
    assert (first.previous_after, third.next_after) == (None, None)
    assert select_page(rows, {}, parsed, second.previous_after or 0, SIZE)[0] == first
    assert select_page(rows, {}, parsed, third.previous_after or 0, SIZE)[0] == second


def test_a_page_counts_its_rows_among_those_that_pass_the_filters() -> None:
    page, shown = select_page(rows_of_list(), {"segment": "split"}, Order(), 5, SIZE)
    assert (page.first, page.total, page.ranks) == (4, 4, [7])
    assert shown.height == 4


def test_a_row_that_was_withheld_meanwhile_moves_no_other_row() -> None:
    rows = rows_of_list()
    for order in map(Order.parse, ("", "-risk", "customer")):
        first, _ = select_page(rows, {}, order, 0, SIZE)
        anchor = first.ranks[-1]
        next_page, _ = select_page(rows, {}, order, anchor, SIZE)
        without = rows.with_columns((pl.col("rank") != anchor).alias("allowed"))
        page, _ = select_page(without, {}, order, anchor, SIZE)
        assert page.ranks == next_page.ranks
        assert (page.first, page.total) == (SIZE, 7)


def test_an_unknown_order_or_column_is_refused() -> None:
    for order in ("nothing", "reason", "--risk", "-"):
        with pytest.raises(ApiError, match="Rows can be sorted by rank, customer"):
            Order.parse(order)
    with pytest.raises(ApiError, match="The columns are rank, customer"):
        chosen_columns(["risk", "nothing"])


def test_chosen_columns_keep_their_order_and_the_customer() -> None:
    assert [column.name for column in chosen_columns(["risk", "rank"])] == ["rank", "customer", "risk"]
    assert chosen_columns([]) == [column for column in COLUMNS if column.is_default]


def test_a_click_on_a_title_sorts_numbers_from_the_largest_and_turns_the_order_around() -> None:
    assert str(Order().toggled(BY_NAME["risk"])) == "-risk"
    assert str(Order("risk", descending=True).toggled(BY_NAME["risk"])) == "risk"
    assert str(Order().toggled(BY_NAME["stage"])) == "stage"
    assert str(Order("risk").toggled(BY_NAME["rank"])) == ""


def test_what_all_rows_share_is_said_once() -> None:
    rows = rows_of_list()
    assert shared_action(rows) == {"action": "retention", "channel": "email", "owner": "marketing"}
    assert shared_values(rows) == {"stage": "client"}
    phone = pl.when(pl.col("rank") == 2).then(pl.lit("phone")).otherwise("channel").alias("channel")
    assert shared_action(rows.with_columns(phone)) is None
    assert shared_values(rows.head(1)) == {}
