"""The table of a list: its columns, the order of its rows, the rows of one page, and the facts that are the same in all rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from serving.http.errors import ApiError
from serving.pages.list_figures import passes_filters
from serving.schemas.details import TITLES
from serving.schemas.glossary import TERMS
from serving.store.lists.figures import ID_ORDER

PAGE_ROWS = 50


@dataclass(frozen=True)
class ListColumn:
    """A column of the table: its name in URLs, its title, the column of the list, and the filter that formats its values.

    `order` is the column that sorts the rows, None where sorting makes no sense. `term` is its key in the glossary. A detail is
    shown only to clients who may see it.
    """

    name: str
    title: str
    source: str
    form: str
    order: str | None = None
    term: str | None = None
    is_default: bool = True
    is_detail: bool = False

    @property
    def is_number(self) -> bool:
        """Whether the values are numbers, which are aligned to the right and sorted from the largest one."""
        return self.form not in {"label", "text"}

    @property
    def is_money(self) -> bool:
        """Whether the values are amounts, whose title names the currency."""
        return self.form in {"money", "rough"}


COLUMNS = (
    ListColumn("rank", "Rank", "rank", "integer", "rank"),
    ListColumn("customer", "Customer", "customer_id", "text", ID_ORDER),
    *(ListColumn(name, title, name, "text", is_default=name == "name", is_detail=True) for name, title in TITLES.items()),
    ListColumn("action", "Action", "action", "label", "action"),
    ListColumn("risk", "Risk", "p_churn", "percent", "p_churn", "risk"),
    ListColumn("value", "Expected value", "expected_value", "money", "expected_value", "expected_value", is_default=False),
    ListColumn("value_at_risk", "Expected loss", "value_at_risk", "money", "value_at_risk", "value_at_risk"),
    ListColumn("gain", "Expected gain", "expected_gain", "money", "expected_gain", "expected_gain"),
    ListColumn("segment", "Segment", "loyalty_segment", "label", "loyalty_segment", "segment"),
    ListColumn("stage", "Stage", "lifecycle_stage", "label", "lifecycle_stage", "stage"),
    ListColumn("reason", "Main reason", "reason_1", "text", None, "reason"),
    ListColumn("reason_2", "Second reason", "reason_2", "text", is_default=False),
    ListColumn("reason_3", "Third reason", "reason_3", "text", is_default=False),
)
BY_NAME = {column.name: column for column in COLUMNS}
SORTABLE = {column.name: column for column in COLUMNS if column.order}
ALWAYS_SHOWN = ("customer",)
SAID_ONCE = {"segment": "loyalty_segment", "stage": "lifecycle_stage"}
ACTION = ("action", "channel", "owner")


@dataclass(frozen=True)
class Order:
    """The order of the rows: the name of a column, and whether the largest value comes first."""

    column: str = "rank"
    descending: bool = False

    @classmethod
    def parse(cls, text: str | None) -> "Order":
        """Return the order that a URL names, as `risk` or `-risk`; the ranks without one. Raises ApiError 422."""
        name = (text or "rank").removeprefix("-")
        if name not in SORTABLE:
            raise ApiError(422, f"Rows can be sorted by {', '.join(SORTABLE)}; found another column.", "sort")
        return cls(name, (text or "").startswith("-"))

    def __str__(self) -> str:
        """Return the order as in a URL; empty for the ranks."""
        return "" if self == Order() else f"{'-' if self.descending else ''}{self.column}"

    def toggled(self, column: ListColumn) -> "Order":
        """Return the order that a click on a column's title leads to: numbers start with the largest, except ranks."""
        starts_descending = column.is_number and column.name != "rank"
        return Order(column.name, not self.descending if column.name == self.column else starts_descending)


@dataclass(frozen=True)
class RowsOfPage:
    """The ranks on one page, the number of its first row among `total`, and where the pages beside it start.

    A page starts after the row of rank `previous_after` or `next_after`; None where there is no such page, 0 for the first one.
    """

    ranks: list[int]
    first: int
    total: int
    previous_after: int | None
    next_after: int | None


def select_page(
    rows: pl.DataFrame, filters: dict[str, str], order: Order, after: int, size: int = PAGE_ROWS
) -> tuple[RowsOfPage, pl.DataFrame]:
    """Return the page of rows (in the order of ranks) that starts after rank `after`, and all rows that pass the filters.

    The page is found by a row, not by a number of rows: what was erased or filtered meanwhile shifts no other row. Ties are in
    the order of ranks, and missing values come last.
    """
    key = pl.col(SORTABLE[order.column].order or "rank").alias("key")
    keys = rows.select(key, pl.col("rank").alias("row_rank"), passes_filters(filters).alias("passes"))
    ordered = keys.sort("key", descending=order.descending, nulls_last=True, maintain_order=True).with_row_index("place")
    anchor = ordered.filter(pl.col("row_rank") == after)["place"]
    passing = ordered.filter("passes")
    ranks, start = passing["row_rank"], int((passing["place"] <= anchor[0]).sum()) if len(anchor) else 0
    page = RowsOfPage(
        ranks=ranks.slice(start, size).to_list(),
        first=start + 1,
        total=len(ranks),
        previous_after=None if start == 0 else int(ranks[start - size - 1]) if start > size else 0,
        next_after=int(ranks[start + size - 1]) if start + size < len(ranks) else None,
    )
    return page, rows.filter(passes_filters(filters))


def shared_action(shown: pl.DataFrame) -> dict[str, str] | None:
    """Return action, channel and owner if all rows to act on have the same; else None."""
    actions = shown.filter(arm="treated").select(ACTION).unique()
    return actions.row(0, named=True) if actions.height == 1 else None


def shared_values(shown: pl.DataFrame) -> dict[str, str]:
    """Return the values that all rows share, by the name of their column, so that no row repeats them."""
    if shown.height <= 1:
        return {}
    values = {name: shown[source].unique() for name, source in SAID_ONCE.items()}
    return {name: str(unique[0]) for name, unique in values.items() if len(unique) == 1 and unique[0] is not None}


def chosen_columns(names: Sequence[str]) -> list[ListColumn]:
    """Return the columns to show: those named, or by default the usual ones. Raises ApiError 422 for an unknown name."""
    unknown = [name for name in names if name not in BY_NAME]
    if unknown:
        raise ApiError(422, f"The columns are {', '.join(BY_NAME)}; found another one.", "column")
    if not names:
        return [column for column in COLUMNS if column.is_default]
    return [column for column in COLUMNS if column.name in {*names, *ALWAYS_SHOWN}]


def visible_columns(columns: Iterable[ListColumn], details: Sequence[str], *, is_assumed: bool) -> list[ListColumn]:
    """Return the columns, of details only these; a gain that is only assumed is titled so, and has two digits."""
    return [
        replace(column, title="Assumed gain", form="rough", term="assumed_gain")
        if is_assumed and column.name == "gain"
        else column
        for column in columns
        if not column.is_detail or column.name in details
    ]


def table_of_list(rows: pl.DataFrame, shown: pl.DataFrame, columns: Sequence[ListColumn]) -> dict[str, Any]:
    """Return the content of the table: its rows, its columns, and what is said once above them."""
    action, values = shared_action(shown), shared_values(shown)
    said = {*values, "action"} if action else {*values}
    return {
        "rows": rows.to_dicts(),
        "columns": [column for column in columns if column.name not in said],
        "action": action,
        "terms": _terms_of(rows, columns),
        "shared": {BY_NAME[name].title: value for name, value in values.items()},
    }


def _terms_of(rows: pl.DataFrame, columns: Sequence[ListColumn]) -> list[str]:
    """Return the keys of the glossary's terms that the rows and the columns of the table show."""
    named = [column.term for column in columns if column.term]
    values = [value for source in SAID_ONCE.values() for value in rows[source].drop_nulls().unique().sort()]
    held_out = ["held_out"] if (rows["arm"] == "control").any() else []
    return [name for name in (*named, *held_out, *values) if name in TERMS]
