from datetime import datetime

import polars as pl
import pytest

from features.tables.casting import cast, strip_text
from features.tables.schema import Kind


def cast_cells(cells: list[object], kind: Kind, dtype: pl.DataType | None = None) -> list[object]:
    frame = pl.DataFrame({"cell": pl.Series(cells, dtype=dtype)})
    cell = strip_text(pl.col("cell")) if frame.schema["cell"] == pl.String else pl.col("cell")
    return frame.select(cast(cell, frame.schema["cell"], kind)).to_series().to_list()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-03-01", datetime(2025, 3, 1)),
        ("20250301", datetime(2025, 3, 1)),
        ("2025-03-01 14:05", datetime(2025, 3, 1, 14, 5)),
        ("2025-03-01 14:05:06.5", datetime(2025, 3, 1, 14, 5, 6, 500_000)),
        ("2025-03-01T14:05:06Z", datetime(2025, 3, 1, 14, 5, 6)),
        ("2025-03-01T00:30:00+02:00", datetime(2025, 2, 28, 22, 30)),
        ("  2025-03-01  ", datetime(2025, 3, 1)),
        ("01/03/2025", None),
        ("2025-02-30", None),
        ("202503", None),
        ("", None),
    ],
)
def test_times_become_utc_and_ambiguous_ones_null(text: str, expected: datetime | None) -> None:
    assert cast_cells([text], Kind.TIME) == [expected]


def test_zoned_times_become_utc() -> None:
    berlin = pl.Series([datetime(2025, 7, 1, 0, 30)]).dt.replace_time_zone("Europe/Berlin")
    assert cast_cells(berlin.to_list(), Kind.TIME, berlin.dtype) == [datetime(2025, 6, 30, 22, 30)]


@pytest.mark.parametrize(
    ("cells", "dtype", "expected"),
    [
        (["007", " 8 ", "", None, "Zoë"], pl.String(), ["007", "8", None, None, "Zoë"]),
        ([13078, None], pl.Int64(), ["13078", None]),
        ([13078.0, None, 0.5], pl.Float64(), ["13078", None, "0.5"]),
    ],
)
def test_ids_are_text_and_keep_their_zeros(cells: list[object], dtype: pl.DataType, expected: list[str | None]) -> None:
    assert cast_cells(cells, Kind.TEXT, dtype) == expected


def test_one_bad_number_costs_one_cell() -> None:
    assert cast_cells(["1.5", "-2", "1e3", "1,234", "x", ""], Kind.NUMBER) == [1.5, -2.0, 1000.0, None, None, None]


def test_whole_numbers_refuse_fractions() -> None:
    assert cast_cells(["3", "3.0", "3.5"], Kind.INTEGER) == [3, 3, None]


def test_flags_are_read_in_the_usual_spellings() -> None:
    assert cast_cells(["true", "No", "1", "0", "y", "maybe"], Kind.FLAG) == [True, False, True, False, True, None]
    assert cast_cells([1.0, 0.0], Kind.FLAG) == [True, False]
