from datetime import date

import polars as pl
import pytest

from features.frames.encoded import encode_tables
from features.tables.schema import Tables
from holdfast.demo.simulated.shop import Shop, simulate
from models.snapshot import Snapshot
from settings.sections import Loyalty
from training.data.snapshots import build_snapshots


@pytest.fixture(scope="session")
def shop() -> Shop:
    return simulate(700, 78, seed=5)


@pytest.fixture(scope="session")
def snapshots(shop: Shop) -> list[Snapshot]:
    """Snapshots of a small simulated shop with a horizon of 91 days, oldest first."""
    tables = Tables(**{name: frame.lazy() for name, frame in shop.tables.items()})
    return build_snapshots(
        tables,
        encode_tables(tables),
        shop.as_of,
        horizon_days=91,
        active_days=365,
        loyalty=Loyalty(),
        progress=lambda _stage, _done, _total: None,
    )


@pytest.fixture(scope="session")
def cdnow_weeks() -> pl.DataFrame:
    """The histories behind the published CDNOW fits: time in weeks to 1997-09-30, the purchases of a day counted as one."""
    from holdfast.demo.cdnow import read_cdnow

    end = date(1997, 9, 30)
    days = read_cdnow().filter(pl.col("ordered_at") <= end).group_by("customer_id", "ordered_at").agg(pl.col("amount").sum())
    first, last = pl.col("ordered_at").min(), pl.col("ordered_at").max()
    return (
        days.group_by("customer_id")
        .agg(
            frequency=pl.len().cast(pl.Float64) - 1,
            recency=(last - first).dt.total_days() / 7,
            T=(pl.lit(end) - first).dt.total_days() / 7,
            monetary_value=pl.col("amount").filter(pl.col("ordered_at") > first).mean(),
        )
        .sort("customer_id")
    )
