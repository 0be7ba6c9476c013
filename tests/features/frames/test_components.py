import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from features.frames.components import component_numbers


def test_edges_of_one_chain_have_the_same_number_and_columns_do_not_mix() -> None:
    edges = pl.DataFrame({"customer": ["a", "b", "b", "c", "p"], "link": ["p", "p", "q", "q", "a"]})
    first, second, third, fourth, alone = component_numbers(edges)
    assert first == second == third == fourth
    assert alone != first  # "a" and "p" name other things in the other column


def test_without_edges_there_are_no_numbers() -> None:
    assert component_numbers(pl.DataFrame(schema={"customer": pl.String, "link": pl.String})).is_empty()


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30))
def test_components_are_those_found_by_growing_groups(pairs: list[tuple[int, int]]) -> None:
    expected = list(range(len(pairs)))
    for _ in pairs:
        for i, (left, right) in enumerate(pairs):
            touching = [expected[j] for j, other in enumerate(pairs) if other[0] == left or other[1] == right]
            expected[i] = min(touching)
    numbers = component_numbers(pl.DataFrame(pairs, schema=["left", "right"], orient="row")).to_list()
    assert all((numbers[i] == numbers[j]) == (expected[i] == expected[j]) for i in range(len(pairs)) for j in range(len(pairs)))
