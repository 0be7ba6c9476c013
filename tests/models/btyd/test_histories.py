import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.btyd import histories as module
from models.btyd.histories import build_histories, unique_inverse

ROWS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 30), st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=60)


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, weighted=st.booleans())
def test_grouping_by_a_packed_key_gives_the_same_histories(rows: list[tuple[int, int, int, int]], *, weighted: bool) -> None:
    columns = {
        "frequency": [row[0] for row in rows],
        "recency": [row[1] for row in rows],
        "T": [row[1] + row[2] for row in rows],
    } | ({"weight": [1.0 + row[3] for row in rows]} if weighted else {})
    frame = pl.DataFrame(columns, schema_overrides=dict.fromkeys(columns, pl.Float64))
    assert module._can_pack(frame)  # noqa: SLF001  # so that build_histories takes the fast path
    packed, grouped = module._group_packed(frame), module._group(frame)  # noqa: SLF001  # two ways to one result
    assert packed.sort("frequency", "recency", "T").equals(grouped.select(packed.columns))
    assert build_histories(frame).customer_count == (sum(columns["weight"]) if weighted else len(rows))


@pytest.mark.parametrize("value", [[0.5], [-1.0], [None], [float("nan")], [float("inf")], [1e13]])
def test_values_that_cannot_be_packed_are_recognized(value: list[float | None]) -> None:
    frame = pl.DataFrame({"frequency": [1e6], "recency": [0.0], "T": value}, schema_overrides={"T": pl.Float64})
    assert not module._can_pack(frame)  # noqa: SLF001


def test_a_weight_of_zero_counts_no_customer() -> None:
    packable = pl.DataFrame({"frequency": [1, 2], "recency": [3, 4], "T": [5, 6], "weight": [0.0, 2.0]})
    for frame in (packable, packable.with_columns(pl.col("T") + 0.5)):
        assert build_histories(frame).x.tolist() == [2.0]


@pytest.mark.parametrize("values", [[3.0, 1.0, 3.0, 0.0], [0.25, 7.5, 0.25], [-1.0, 2.0], [1e9, 5.0], []])
def test_distinct_values_and_indices_restore_the_values(values: list[float]) -> None:
    distinct, index = unique_inverse(np.array(values))
    assert distinct.tolist() == sorted(set(values))
    assert distinct[index].tolist() == values
