import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.btyd import histories as module
from models.btyd.histories import histories, unique

ROWS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 30), st.integers(0, 9), st.integers(0, 3)), min_size=1, max_size=60)


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, weighted=st.booleans())
def test_whole_numbers_packed_into_one_give_the_same_histories(rows: list[tuple[int, int, int, int]], *, weighted: bool) -> None:
    columns = {
        "frequency": [row[0] for row in rows],
        "recency": [row[1] for row in rows],
        "T": [row[1] + row[2] for row in rows],
    } | ({"weight": [1.0 + row[3] for row in rows]} if weighted else {})
    frame = pl.DataFrame(columns, schema_overrides=dict.fromkeys(columns, pl.Float64))
    assert module._whole(frame)  # noqa: SLF001  # that the quick way is the one taken
    quick, plain = module._packed(frame), module._grouped(frame)  # noqa: SLF001  # two ways to one result
    assert quick.sort("frequency", "recency", "T").equals(plain.select(quick.columns))
    found = histories(frame)
    assert found.customers == (sum(columns["weight"]) if weighted else len(rows))


@pytest.mark.parametrize("strange", [[0.5], [-1.0], [None], [float("nan")], [float("inf")], [1e13]])
def test_values_that_do_not_pack_take_the_other_way(strange: list[float | None]) -> None:
    frame = pl.DataFrame({"frequency": [1e6], "recency": [0.0], "T": strange}, schema_overrides={"T": pl.Float64})
    assert not module._whole(frame)  # noqa: SLF001


def test_a_weight_of_zero_counts_nobody() -> None:
    frame = pl.DataFrame({"frequency": [1, 2], "recency": [3, 4], "T": [5, 6], "weight": [0.0, 2.0]})
    for one in (frame, frame.with_columns(pl.col("T") + 0.5)):
        assert histories(one).x.tolist() == [2.0]


@pytest.mark.parametrize("values", [[3.0, 1.0, 3.0, 0.0], [0.25, 7.5, 0.25], [-1.0, 2.0], [1e9, 5.0], []])
def test_each_value_is_found_again_among_the_different_ones(values: list[float]) -> None:
    different, place = unique(np.array(values))
    assert different.tolist() == sorted(set(values))
    assert different[place].tolist() == values
