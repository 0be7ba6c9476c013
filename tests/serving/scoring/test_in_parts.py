from dataclasses import replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from expectations.validation.gate import load_tables
from features.storage.hashing import HashedIds, hash_text
from features.tables.schema import Tables
from models.champion import Champion, current_champion
from serving.scoring import in_parts
from serving.scoring.batch import ScoringRun, score_run
from serving.scoring.in_parts import count_score_parts, score_in_parts
from settings.clock import utc_now
from settings.load import load_settings
from settings.sections import Settings

SCORED_AT = datetime(2026, 1, 1)


@pytest.fixture(scope="module")
def settings(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    loaded = load_settings(demo / "holdfast.toml", {})
    return replace(loaded, workspace=replace(loaded.workspace, path=tmp_path_factory.mktemp("workspace")))


@pytest.fixture(scope="module")
def tables(demo: Path) -> Tables:
    return load_tables(load_settings(demo / "holdfast.toml", {}), utc_now())[0]


@pytest.fixture(scope="module")
def champion(demo: Path) -> Champion:
    return current_champion(demo / "workspace" / "champion")


def assert_equal(one: ScoringRun, other: ScoringRun) -> None:
    for name in ("scores", "targets", "contacted"):
        frames = (getattr(run, name).sort("customer_id") for run in (one, other))
        assert_frame_equal(*frames, check_exact=True)


@pytest.mark.parametrize("parts", [2, 7])
def test_scores_in_parts_are_those_of_all_customers(parts: int, settings: Settings, tables: Tables, champion: Champion) -> None:
    day = champion.terms.trained_as_of
    whole = score_run(settings, tables, champion, day, SCORED_AT)
    in_some = score_in_parts(settings, tables, champion, day, SCORED_AT, parts=parts)
    assert_equal(whole, in_some)
    assert in_some.scores["customer_id"].is_sorted()
    assert list(settings.workspace.path.iterdir()) == []


def test_merged_and_suppressed_customers_are_the_same_in_parts(settings: Settings, tables: Tables, champion: Champion) -> None:
    ids = tables.transactions.select("customer_id").unique().sort("customer_id").collect()["customer_id"]
    aliases = pl.DataFrame({"old_id": ids[0:40:2], "new_id": ids[1:41:2]}).lazy()
    merged = replace(tables, aliases=aliases)
    suppressed = HashedIds("key", [hash_text(customer, "key") for customer in ids[50:60]])
    day = champion.terms.trained_as_of
    whole = score_run(settings, merged, champion, day, SCORED_AT, suppressed=suppressed)
    assert_equal(whole, score_in_parts(settings, merged, champion, day, SCORED_AT, suppressed=suppressed, parts=5))
    assert (whole.scores["no_score_reason"] == "suppressed").sum() == 10


def test_a_part_without_a_customer_changes_nothing(settings: Settings, tables: Tables, champion: Champion) -> None:
    ids = tables.transactions.select("customer_id").unique().collect()["customer_id"].sort()[:3]
    few = Tables(tables.transactions.filter(pl.col("customer_id").is_in(ids.implode())))
    day = champion.terms.trained_as_of
    in_nine = score_in_parts(settings, few, champion, day, SCORED_AT, parts=9)
    assert_equal(score_run(settings, few, champion, day, SCORED_AT), in_nine)


def test_parts_are_counted_by_lines_and_by_customers(tables: Tables, champion: Champion, monkeypatch: pytest.MonkeyPatch) -> None:
    day = champion.terms.trained_as_of
    assert count_score_parts(tables, day) == 1
    rows, customers = tables.transactions.select(pl.len(), pl.col("customer_id").n_unique()).collect().row(0)
    monkeypatch.setattr(in_parts, "CUSTOMERS_PER_PART", customers // 3 + 1)
    assert count_score_parts(tables, day) == 3
    monkeypatch.setattr(in_parts, "LINES_PER_PART", rows // 5 + 1)
    assert count_score_parts(tables, day) == 5
