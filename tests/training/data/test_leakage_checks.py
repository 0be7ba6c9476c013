from dataclasses import replace

import polars as pl
import pytest

from features.build import MODEL_FEATURES
from features.frames.encoded import encode_tables
from features.tables.schema import Tables
from holdfast.demo.simulated.shop import Shop, simulate
from models.snapshot import Snapshot
from settings.sections import Loyalty
from training.data.leakage_checks import LeakageError, features_using_the_future, refuse_leaks, suspicious_features
from training.data.snapshots import build_snapshots


@pytest.fixture(scope="module")
def shop() -> Shop:
    return simulate(500, 76, seed=9)


@pytest.fixture(scope="module")
def tables(shop: Shop) -> Tables:
    return Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})


@pytest.fixture(scope="module")
def newest(shop: Shop, tables: Tables) -> Snapshot:
    return build_snapshots(
        tables, encode_tables(tables), shop.as_of, horizon_days=91, active_days=365, loyalty=Loyalty(), progress=lambda *_: None
    )[-1]


@pytest.mark.slow
def test_a_snapshot_without_leaks_passes(tables: Tables, newest: Snapshot) -> None:
    assert suspicious_features(newest.frame) == {}
    assert features_using_the_future(tables, newest, 365, Loyalty()) == []
    refuse_leaks(tables, newest, 365, Loyalty())


@pytest.mark.parametrize(
    "leak", [pl.col("churned") + 0.0, 5.0 - pl.col("next_orders"), pl.when(pl.col("churned") == 0).then(1.0)]
)
def test_a_leaked_label_is_detected_and_named(tables: Tables, newest: Snapshot, leak: pl.Expr) -> None:
    leaking = replace(newest, frame=newest.frame.with_columns(leak.alias("season_share")))
    with pytest.raises(
        LeakageError, match=f"Feature season_share alone identifies who left after {newest.as_of}, with an AUC of"
    ):
        refuse_leaks(tables, leaking, 365, Loyalty())


def test_a_feature_that_looks_slightly_ahead_is_detected_and_named(tables: Tables, newest: Snapshot) -> None:
    """An average over the window too has a low AUC, but changes without the window."""
    ahead = newest.frame.with_columns(mean_order_value=pl.col("mean_order_value") + pl.col("next_spend") / 100)
    with pytest.raises(LeakageError, match=r"Feature mean_order_value as of .* changes when rows from that day on are removed"):
        refuse_leaks(tables, replace(newest, frame=ahead), 365, Loyalty())
    more = ahead.with_columns(largest_order=pl.col("largest_order") + 1)
    with pytest.raises(LeakageError, match="and so do 1 others"):
        refuse_leaks(tables, replace(newest, frame=more), 365, Loyalty())


def test_few_customers_are_not_checked(newest: Snapshot) -> None:
    few = newest.frame.head(100).with_columns(season_share=pl.col("churned") + 0.0)
    assert suspicious_features(few) == {}
    assert set(suspicious_features(newest.frame.with_columns(season_share=pl.col("churned") + 0.0))) == {"season_share"}
    assert "season_share" in MODEL_FEATURES
