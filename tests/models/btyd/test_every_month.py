"""The Online Retail log cut at every month: real data on which other packages fail at some of the cuts."""

import math
import warnings
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from models.btyd.bgnbd import BGNBD
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.mbgnbd import MBGNBD
from models.btyd.order_model import OrderModel
from models.btyd.paretonbd import ParetoNBD

pytestmark = pytest.mark.slow

CUTS = [date(2009 + month // 12, month % 12 + 1, 1) for month in range(12, 33)]


def histories_before(log: Path, cut: date) -> pl.DataFrame:
    """Return frequency, recency, T and mean repeat spend, in days, of sales before the cut."""
    lines = pl.scan_parquet(log).filter(pl.col("CustomerID").is_not_null(), pl.col("Quantity") > 0, pl.col("InvoiceDate") < cut)
    spend = (pl.col("Quantity") * pl.col("Price")).sum()
    days = lines.group_by("CustomerID", pl.col("InvoiceDate").dt.date().alias("day")).agg(spend.alias("spend"))
    first, last = pl.col("day").min(), pl.col("day").max()
    histories = days.group_by("CustomerID").agg(
        frequency=pl.len().cast(pl.Float64) - 1,
        recency=(last - first).dt.total_days(),
        T=(pl.lit(cut) - first).dt.total_days(),
        monetary_value=pl.col("spend").filter(pl.col("day") > first).mean(),
    )
    return histories.drop("CustomerID").collect()


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_every_cut_gives_a_fit_and_valid_predictions(online_retail: Path, cut: date) -> None:
    frame = histories_before(online_retail, cut)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        models: list[OrderModel] = [model_class().fit(frame) for model_class in (BGNBD, MBGNBD, ParetoNBD)]
        spend = GammaGamma().fit(frame)
    for model in models:
        assert all(math.isfinite(value) and value > 0 for value in model.params.values())
        p_no_order, orders = model.p_no_order(frame, 90), model.expected_orders(frame, 90)
        assert p_no_order.is_between(0, 1).all()
        assert (orders.is_finite() & (orders >= 0)).all()
        assert model.diagnosis.startswith(("converged", "at a boundary", "did not converge fully"))
    assert spend.expected_spend(frame).is_between(0, 1e6).all()
