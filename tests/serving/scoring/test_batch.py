from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from expectations.validation.gate import load_tables
from features.tables.schema import Tables
from models.champion import Champion, current_champion
from serving.schemas.scores import SCORE_COLUMNS
from serving.scoring.batch import HindsightError, refuse_hindsight, score
from settings.clock import utc_now
from settings.load import load_settings
from settings.sections import Settings

SCORED_AT = datetime(2026, 1, 1)


@pytest.fixture(scope="module")
def settings(demo: Path) -> Settings:
    return load_settings(demo / "holdfast.toml", {})


@pytest.fixture(scope="module")
def tables(settings: Settings) -> Tables:
    return load_tables(settings, utc_now())[0]


@pytest.fixture(scope="module")
def champion(settings: Settings) -> Champion:
    return current_champion(settings.workspace.path / "champion")


@pytest.fixture(scope="module")
def scores(settings: Settings, tables: Tables, champion: Champion) -> pl.DataFrame:
    return score(settings, tables, champion, champion.terms.trained_as_of, SCORED_AT)


def test_every_known_customer_has_the_columns_of_the_contract(scores: pl.DataFrame, tables: Tables) -> None:
    assert dict(scores.schema) == SCORE_COLUMNS
    assert scores["customer_id"].is_sorted()
    assert set(scores["customer_id"]) == set(tables.customers.collect()["customer_id"])  # type: ignore[union-attr]
    assert scores["customer_id"].is_unique().all()


def test_numbers_are_in_range_and_consistent(scores: pl.DataFrame) -> None:
    scored = scores.filter(pl.col("no_score_reason").is_null())
    p = pl.col("p_churn")
    assert (
        scored.select(
            (p.is_between(0, 1, closed="none") & (pl.col("value_low") <= pl.col("value_high"))).all(),
            (pl.col("value_low") >= 0).all(),
            (pl.col("value_at_risk") >= 0).all(),
            (pl.col("next_order_low") <= pl.col("next_order_date")).all(),
            (pl.col("next_order_date") >= pl.col("as_of")).all(),
            (
                pl.col("churn_band")
                == pl.when(p < 0.3).then(pl.lit("low")).when(p < 0.6).then(pl.lit("medium")).otherwise(pl.lit("high"))
            ).all(),
            (pl.col("reasons").list.len().is_between(1, 3)).all(),
        ).row(0)
        == (True,) * 7
    )
    assert scored.null_count().select("p_churn", "expected_value", "action", "relationship_level", "reasons").row(0) == (0,) * 5


def test_a_missing_score_says_why_and_former_customers_are_never_at_risk(scores: pl.DataFrame) -> None:
    without = scores.filter(pl.col("p_churn").is_null())
    assert without["no_score_reason"].unique().to_list() == ["prospect"]
    assert without["status"].unique().to_list() == ["prospect"]
    assert "retention" not in scores.filter(pl.col("status") == "former")["action"].to_list()
    assert scores.filter(pl.col("status") == "existing")["churn_percentile"].max() == 100


def test_p_churn_is_near_the_truth_of_the_simulation(scores: pl.DataFrame, demo: Path) -> None:
    compared = scores.join(pl.read_parquet(demo / "simulated_truth.parquet"), on="customer_id").drop_nulls("p_churn")
    mean_error = compared.select((pl.col("p_churn") - pl.col("true_p_churn")).abs().mean()).item()
    assert mean_error < 0.12
    assert compared["p_churn"].mean() == pytest.approx(compared["true_p_churn"].mean(), abs=0.06)


def test_customers_without_consent_get_no_action(scores: pl.DataFrame, tables: Tables) -> None:
    refused = tables.customers.filter(~pl.col("marketing_consent")).collect()["customer_id"]  # type: ignore[union-attr]
    assert scores.filter(pl.col("customer_id").is_in(refused.to_list()))["action"].unique().to_list() == ["none"]


def test_partners_are_those_marked_in_the_customers_table(scores: pl.DataFrame, tables: Tables) -> None:
    partners = tables.customers.filter("partner").collect()["customer_id"]  # type: ignore[union-attr]
    scored_partners = scores.filter(pl.col("lifecycle_stage") == "partner")
    assert set(scored_partners["customer_id"]) == set(partners) != set()
    assert set(scored_partners.drop_nulls("p_churn")["relationship_level"]) == {"partnership"}


def test_the_same_data_gives_the_same_scores(
    settings: Settings, tables: Tables, champion: Champion, scores: pl.DataFrame
) -> None:
    assert score(settings, tables, champion, champion.terms.trained_as_of, SCORED_AT).equals(scores)


def test_a_customer_scored_alone_gets_the_same_score(
    settings: Settings, tables: Tables, champion: Champion, scores: pl.DataFrame
) -> None:
    customer = scores.filter(pl.col("orders") > 3)["customer_id"][0]
    alone = Tables(**{name: frame.filter(pl.col("customer_id") == customer) for name, frame in tables.present().items()})
    actual = score(settings, alone, champion, champion.terms.trained_as_of, SCORED_AT)
    expected = scores.filter(pl.col("customer_id") == customer)
    columns = [name for name in SCORE_COLUMNS if name not in {"churn_percentile", "reasons", "lifecycle_stage"}]
    assert actual.select(columns).equals(expected.select(columns))


def test_tables_with_prospects_only_can_be_scored(
    settings: Settings, champion: Champion, orders: Callable[..., pl.LazyFrame]
) -> None:
    only_returns = Tables(orders([("a", "2025-01-01", -5.0)]))
    actual = score(settings, only_returns, champion, date(2025, 3, 1), SCORED_AT)
    assert actual.select("customer_id", "status", "no_score_reason").rows() == [("a", "prospect", "prospect")]


def test_a_champion_trained_on_later_data_is_refused(champion: Champion) -> None:
    refuse_hindsight(champion, champion.terms.trained_as_of)
    with pytest.raises(HindsightError, match="add --allow-hindsight"):
        refuse_hindsight(champion, champion.terms.trained_as_of - timedelta(days=1))


def test_on_a_later_date_the_demand_of_that_date_counts(settings: Settings, tables: Tables, champion: Champion) -> None:
    day = champion.terms.trained_as_of
    stale = replace(
        champion, norms=replace(champion.norms, known_before=day - timedelta(days=40), product_lines={14: {}, 30: {}})
    )
    later = score(settings, tables, stale, day, SCORED_AT)
    assert later["p_churn"].equals(score(settings, tables, champion, day, SCORED_AT)["p_churn"])
