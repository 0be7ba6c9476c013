import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from features.tables.schema import Tables
from holdfast.demo.cdnow import read_cdnow
from models.errors import TooLittleDataError
from training.evaluation.order_model_fit import OrderFit, fit_order_models
from training.reports.order_model_charts import draw_order_fit

AS_OF = date(1998, 7, 1)


@pytest.fixture(scope="module")
def fit() -> OrderFit:
    return fit_order_models(Tables(read_cdnow().lazy()), AS_OF, (AS_OF - date(1997, 10, 1)).days)


def test_the_holdout_begins_where_the_fit_ends(fit: OrderFit) -> None:
    assert (fit.split, fit.customers) == (date(1997, 10, 1), 2_357)
    for model_fit in fit.model_fits.values():
        assert model_fit.weekly["actual"].sum() == 4_339
        assert model_fit.weekly.filter("later").height == 39
        assert model_fit.counts["actual"].to_list() == [1411, 439, 214, 100, 62, 38, 29, 64]


def test_the_figures_are_data_without_customer_ids(fit: OrderFit) -> None:
    text = json.dumps(fit.to_json(), allow_nan=False)
    assert set(fit.to_json()["models"]) == {"BG/NBD", "MBG/NBD", "Pareto/NBD"}
    assert "customer_id" not in text


def test_the_chart_is_a_png(fit: OrderFit, tmp_path: Path) -> None:
    draw_order_fit(fit, tmp_path / "deep" / "fit.png")
    assert (tmp_path / "deep" / "fit.png").read_bytes().startswith(b"\x89PNG")


def test_a_log_without_repeat_orders_before_the_split_is_refused() -> None:
    rows = [(f"c{n}", f"o{n}", date(2025, 1, 1) + timedelta(days=n), 5.0) for n in range(50)]
    log = pl.DataFrame(rows, schema=["customer_id", "order_id", "ordered_at", "amount"], orient="row")
    log = log.with_columns(pl.col("ordered_at").cast(pl.Datetime("us")))
    with pytest.raises(TooLittleDataError, match="No customer bought twice before 2025-02-04, 16 days before 2025-02-20"):
        fit_order_models(Tables(log.lazy()), date(2025, 2, 20))
