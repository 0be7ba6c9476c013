from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.build import build_features
from features.build_in_parts import features_in_parts, parts_for
from features.storage.parquet import parquet_writer
from features.storage.spill import partition_to_disk
from features.tables.schema import Tables
from settings.sections import Loyalty

AS_OF = date(2025, 3, 1)


@pytest.fixture
def tables(make_table: Callable[..., pl.LazyFrame]) -> Tables:
    lines = [(f"c{who}", f"2025-01-{1 + day:02d}", 5.0 + who, "AB"[day % 2], "tea") for who in range(20) for day in range(who)]
    cases = [(f"k{who}", f"c{who}", "2025-01-05", "2025-01-09" if who % 2 else None) for who in range(0, 20, 3)]
    people = [(f"c{who}", "2025-01-01", f"c{who // 2}") for who in range(20)]
    return Tables(
        make_table("transactions", "customer_id ordered_at amount brand category", lines),
        complaints=make_table("complaints", "complaint_id customer_id opened_at resolved_at", cases),
        customers=make_table("customers", "customer_id joined_at referred_by", people),
    )


def in_parts(tables: Tables, parts: int, near: Path) -> tuple[pl.DataFrame, pl.DataFrame, list[tuple[int, int]]]:
    heard: list[tuple[int, int]] = []
    found = list(features_in_parts(tables, AS_OF, 365, Loyalty(), parts, near, lambda done, of: heard.append((done, of))))
    categories = [part.by_category for part in found if part.by_category is not None]
    return pl.concat([part.features for part in found]), pl.concat(categories), heard


@pytest.mark.parametrize("parts", [1, 3, 50])
def test_parts_together_are_the_whole_and_leave_nothing_behind(tables: Tables, parts: int, tmp_path: Path) -> None:
    features, categories, heard = in_parts(tables, parts, tmp_path / "parts")
    assert_frame_equal(features.sort("customer_id"), build_features(tables, AS_OF, 365, Loyalty()), check_exact=True)
    assert categories["customer_id"].n_unique() == 19
    assert heard == [(done, parts) for done in range(parts + 1)]
    assert list(tmp_path.iterdir()) == []


def test_an_error_midway_leaves_neither_lines_nor_a_file(tables: Tables, tmp_path: Path) -> None:
    def crash() -> None:
        with (
            partition_to_disk(tables.transactions, 2, tmp_path / "parts") as parts,
            parquet_writer(tmp_path / "out.parquet") as write,
        ):
            write(parts[0].collect())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        crash()
    assert list(tmp_path.iterdir()) == []


def test_lines_that_a_killed_process_left_are_swept_away(tables: Tables, tmp_path: Path) -> None:
    left = tmp_path / ".999999999.parts"
    left.mkdir()
    (left / "00000000.parquet").write_text("order lines")
    in_parts(tables, 2, tmp_path / "parts")
    assert not left.exists()


def test_an_appended_file_has_the_rows_of_all_frames_and_none_means_no_file(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    with parquet_writer(path) as write:
        write(pl.DataFrame({"a": [1], "b": ["x"]}))
        write(pl.DataFrame({"a": [2], "b": [None]}, schema={"a": pl.Int64, "b": pl.String}))
    assert pl.read_parquet(path).rows() == [(1, "x"), (2, None)]
    with parquet_writer(path):
        pass
    assert not path.exists()


def test_a_small_log_is_one_part(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    assert parts_for(tables, AS_OF) == 1
    monkeypatch.setattr("features.build_in_parts.LINES_PER_PART", 50)
    assert parts_for(tables, AS_OF) == 4  # of 190 lines


def test_loyalty_by_category_labels_each_sequence(tables: Tables, tmp_path: Path) -> None:
    _, categories, _ = in_parts(tables, 1, tmp_path / "parts")
    last = categories.filter(pl.col("customer_id") == "c19").row(0, named=True)
    assert (last["category"], last["occasions"], last["loyalty_segment"]) == ("tea", 19, "split")
    assert sum(last[f"p_{kind}"] for kind in ("hard_core", "split", "shifting", "switcher")) == pytest.approx(1)
