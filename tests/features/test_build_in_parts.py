from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from features.build import build_features
from features.build_in_parts import count_parts, features_in_parts
from features.storage.parquet import parquet_writer
from features.storage.spill import partition_to_disk
from features.tables.schema import Tables
from settings.sections import Loyalty

AS_OF = date(2025, 3, 1)


@pytest.fixture
def tables(make_table: Callable[..., pl.LazyFrame]) -> Tables:
    lines = [
        (f"c{number}", f"2025-01-{1 + day:02d}", 5.0 + number, "AB"[day % 2], "tea")
        for number in range(20)
        for day in range(number)
    ]
    cases = [(f"k{number}", f"c{number}", "2025-01-05", "2025-01-09" if number % 2 else None) for number in range(0, 20, 3)]
    customers = [(f"c{number}", "2025-01-01", f"c{number // 2}") for number in range(20)]
    return Tables(
        make_table("transactions", "customer_id ordered_at amount brand category", lines),
        complaints=make_table("complaints", "complaint_id customer_id opened_at resolved_at", cases),
        customers=make_table("customers", "customer_id joined_at referred_by", customers),
    )


def build_in_parts(tables: Tables, parts: int, path: Path) -> tuple[pl.DataFrame, pl.DataFrame, list[tuple[int, int]]]:
    progress: list[tuple[int, int]] = []

    def report(done: int, total: int) -> None:
        progress.append((done, total))

    results = list(features_in_parts(tables, AS_OF, 365, Loyalty(), parts, path, report))
    categories = [result.by_category for result in results if result.by_category is not None]
    return pl.concat([result.features for result in results]), pl.concat(categories), progress


@pytest.mark.parametrize("parts", [1, 3, 50])
@pytest.mark.slow
def test_parts_together_are_the_whole_and_leave_nothing_behind(tables: Tables, parts: int, tmp_path: Path) -> None:
    features, categories, progress = build_in_parts(tables, parts, tmp_path / "parts")
    assert_frame_equal(features.sort("customer_id"), build_features(tables, AS_OF, 365, Loyalty()), check_exact=True)
    assert categories["customer_id"].n_unique() == 19
    assert progress == [(done, parts) for done in range(parts + 1)]
    assert list(tmp_path.iterdir()) == []


def test_merged_customers_and_their_referrals_are_the_same_in_parts(tables: Tables, tmp_path: Path) -> None:
    aliases = pl.LazyFrame({"old_id": ["c2", "c9", "c4"], "new_id": ["c3", "c4", "c17"]})
    merged = replace(tables, aliases=aliases)
    whole = build_features(merged, AS_OF, 365, Loyalty())
    assert whole["referrals"].sum() > 0
    features, _, _ = build_in_parts(merged, 5, tmp_path / "parts")
    assert_frame_equal(features.sort("customer_id"), whole, check_exact=True)


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


def test_lines_that_a_killed_process_left_are_removed(tables: Tables, tmp_path: Path) -> None:
    leftover = tmp_path / ".999999999.parts"
    leftover.mkdir()
    (leftover / "00000000.parquet").write_text("order lines")
    build_in_parts(tables, 2, tmp_path / "parts")
    assert not leftover.exists()


def test_an_appended_file_has_the_rows_of_all_frames_and_no_frame_means_no_file(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    with parquet_writer(path) as write:
        write(pl.DataFrame({"a": [1], "b": ["x"]}))
        write(pl.DataFrame({"a": [2], "b": [None]}, schema={"a": pl.Int64, "b": pl.String}))
    assert pl.read_parquet(path).rows() == [(1, "x"), (2, None)]
    with parquet_writer(path):
        pass
    assert not path.exists()


def test_a_small_log_is_one_part(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    assert count_parts(tables, AS_OF) == 1
    monkeypatch.setattr("features.build_in_parts.LINES_PER_PART", 50)
    assert count_parts(tables, AS_OF) == 4  # of 190 lines


def test_loyalty_by_category_labels_each_sequence(tables: Tables, tmp_path: Path) -> None:
    _, categories, _ = build_in_parts(tables, 1, tmp_path / "parts")
    last = categories.filter(pl.col("customer_id") == "c19").row(0, named=True)
    assert (last["category"], last["occasions"], last["loyalty_segment"]) == ("tea", 19, "split")
    assert sum(last[f"p_{kind}"] for kind in ("hard_core", "split", "shifting", "switcher")) == pytest.approx(1)
