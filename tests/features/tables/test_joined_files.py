"""`join`: columns of other files, by key, without a row lost or counted twice."""

from pathlib import Path

import polars as pl
import pytest

from features.tables.errors import TableUnusableError
from features.tables.read import read_table
from settings.errors import SettingsError
from settings.load import load_settings

COLUMNS = """[columns.transactions]
customer_id = "customer_unique_id"
order_id = "order_id"
ordered_at = "order_purchase_timestamp"
amount = "price"
category = "product_category_name"
"""
JOIN = """join = [
    {file = "orders.csv", on = ["order_id"]},
    {file = "customers.csv", on = "customer_id"},
    {file = "products.csv", on = {product_id = "id"}},
]"""
FILES = {
    "items.csv": ["order_id,product_id,price", "o2,p1,5", "o1,p2,10", "o3,p9,7", "o1,p1,4"],
    "orders.csv": [
        *("order_id,customer_id,order_status,order_purchase_timestamp", "o1,k1,delivered,2026-01-02 10:00:00"),
        "o2,k2,canceled,2026-01-03 11:00:00",
    ],
    "customers.csv": ["customer_id,customer_unique_id", "k1,ann", "k2,ann"],
    "products.csv": ["id,product_category_name", "p1,toys", "p2,books", "p2,books"],
}


def write(folder: Path, files: dict[str, list[str]]) -> None:
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(folder: Path, options: str, columns: str = COLUMNS) -> list[tuple[object, ...]]:
    # TOML 1.0 allows no line breaks in inline tables.
    (folder / "holdfast.toml").write_text(
        f'[tables]\ntransactions = {{file = "items.csv", {" ".join(options.split())}}}\n{columns}', encoding="utf-8"
    )
    table = read_table(load_settings(folder / "holdfast.toml", {}), "transactions")
    assert table is not None
    return table.rows.select("customer_id", "order_id", pl.col("ordered_at").dt.day(), "amount", "category").collect().rows()


def test_rows_keep_their_order_and_take_the_columns_of_their_keys(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    assert read(tmp_path, JOIN.replace(",\n]", "]")) == [
        ("ann", "o2", 3, 5.0, "toys"),
        ("ann", "o1", 2, 10.0, "books"),
        (None, "o3", None, 7.0, None),  # no such order: the checks set the row aside
        ("ann", "o1", 2, 4.0, "toys"),
    ]


def test_a_key_in_several_different_rows_is_refused_for_rows_would_count_twice(tmp_path: Path) -> None:
    write(tmp_path, FILES | {"products.csv": ["id,product_category_name", "p1,toys", "p1,books", ",none", ",nothing"]})
    with pytest.raises(
        TableUnusableError, match=r"1 values of id stand in several different rows of it, so rows would count more"
    ):
        read(tmp_path, JOIN.replace(",\n]", "]"))


def test_names_that_are_taken_get_the_name_of_their_file(tmp_path: Path) -> None:
    write(tmp_path, FILES | {"products.csv": ["id,price,product_category_name", "p1,99,toys", "p2,98,books"]})
    columns = COLUMNS.replace('amount = "price"', 'amount = "products_price - price"')
    assert [row[3] for row in read(tmp_path, JOIN.replace(",\n]", "]"), columns)] == [94.0, 88.0, None, 95.0]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ('join = [{file = "orders.csv", on = ["order"]}]', "the join with orders.csv needs the column order, which is missing"),
        ('join = [{file = "orders.csv", on = {order_id = "id"}}]', "in orders.csv itself needs the column id, which is missing"),
        ('join = [{file = "none.csv", on = ["order_id"]}]', "there is no file"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, options: str, sentence: str) -> None:
    write(tmp_path, FILES)
    with pytest.raises(TableUnusableError, match=sentence):
        read(tmp_path, options)


def test_a_join_needs_columns(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    with pytest.raises(SettingsError, match=r"join\.0\.on"):
        read(tmp_path, 'join = [{file = "orders.csv", on = []}]')


def test_keys_are_compared_as_text_whatever_their_types(tmp_path: Path) -> None:
    write(tmp_path, FILES | {"items.csv": ["order_id,product_id,price", "7,p1,5", "8 ,p2,10"]})
    pl.DataFrame(
        {"order_id": [7, 8], "customer_unique_id": ["ann", "bob"], "order_purchase_timestamp": ["2026-01-02"] * 2}
    ).select(pl.col("order_id").cast(pl.Float64), "customer_unique_id", "order_purchase_timestamp").write_parquet(
        tmp_path / "orders.parquet"
    )
    join = 'join = [{file = "orders.parquet", on = "order_id"}, {file = "products.csv", on = {product_id = "id"}}]'
    assert [row[0] for row in read(tmp_path, join)] == ["ann", "bob"]


def test_a_condition_may_use_joined_columns(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    options = JOIN.replace(",\n]", "]") + """, where = "COALESCE(order_status, '') <> 'canceled'" """
    assert len(read(tmp_path, options)) == 4
    table = read_table(load_settings(tmp_path / "holdfast.toml", {}), "transactions")
    assert table is not None
    assert table.rows.collect()["_left_out"].to_list() == [True, False, False, False]
