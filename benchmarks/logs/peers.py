"""The peers: what a data scientist can put together from downloaded packages in an afternoon, on plain RFM columns."""

from collections.abc import Iterator
from datetime import date, timedelta

import lightgbm as lgb
import numpy as np
import polars as pl

from benchmarks.logs.raw_rows import RFM, summarise, with_outcomes
from features.frames.arrays import Array
from models.btyd import BGNBD, MBGNBD, GammaGamma
from models.btyd.lifetimes_engine import LIFETIMES_ENGINE
from models.errors import TooLittleDataError

BASE_RATE = "peer_base_rate"  # no peer: what is known without any model
CHURN_PEERS = ("peer_recency_rule", "peer_bgnbd", "peer_mbgnbd", "peer_lightgbm")
VALUE_PEERS = ("peer_last_period", "peer_average_spend", "peer_gamma_gamma", "peer_lightgbm")
DECILES = 10
MAX_WINDOWS, WINDOWS_PER_HORIZON = 15, 3
MIN_WINDOW_CUSTOMERS = 30
ORDER_MODELS = {"peer_bgnbd": BGNBD, "peer_mbgnbd": MBGNBD}  # both fitted by lifetimes
MODEL_OF_SPEND = "peer_bgnbd"  # whose orders are multiplied by the Gamma-Gamma of lifetimes


def predict(days: pl.DataFrame, rows: pl.DataFrame, origin: date, horizon_days: int) -> Iterator[pl.Series]:
    """Yield the predictions of every peer that can be fitted, `p:` for churn and `value:` for spend, in the order of `rows`."""
    windows = _closed_windows(days, origin, horizon_days)
    newest = windows[0] if windows else rows.head(0)
    yield from _predict_by_lifetimes(rows, horizon_days)
    yield rows["last_spend"].alias("value:peer_last_period")
    if newest.is_empty():
        return
    yield pl.Series(f"p:{BASE_RATE}", np.full(rows.height, (newest["churned"].sum() + 1) / (newest.height + 2)))
    yield _recency_rule(newest, rows)
    yield _average_spend(newest, rows, horizon_days)
    yield from _predict_by_lightgbm(pl.concat(windows), rows)


def _closed_windows(days: pl.DataFrame, origin: date, horizon_days: int) -> list[pl.DataFrame]:
    """Return RFM columns and outcomes of windows that closed by `origin`, newest first, a third of a horizon apart."""
    known, first = days.filter(pl.col("day") < origin), days["day"].min()
    step = max(horizon_days // WINDOWS_PER_HORIZON, 7)
    starts = [origin - timedelta(days=horizon_days + step * back) for back in range(MAX_WINDOWS)]
    frames = (with_outcomes(summarise(known, start), known, start, horizon_days) for start in starts if start > first)
    return [frame for frame in frames if frame.height >= MIN_WINDOW_CUSTOMERS]


def _recency_rule(window: pl.DataFrame, rows: pl.DataFrame) -> pl.Series:
    silent = window["recency_days"].to_numpy()
    cuts = np.unique(np.quantile(silent, np.arange(1, DECILES) / DECILES, method="higher"))
    group = np.searchsorted(cuts, silent, side="left")
    churned = np.bincount(group, weights=window["churned"].to_numpy(), minlength=len(cuts) + 1)
    rates = (churned + 1) / (np.bincount(group, minlength=len(cuts) + 1) + 2)
    return pl.Series("p:peer_recency_rule", rates[np.searchsorted(cuts, rows["recency_days"].to_numpy(), side="left")])


def _average_spend(window: pl.DataFrame, rows: pl.DataFrame, horizon_days: int) -> pl.Series:
    retention = 1 - float(window["churned"].to_numpy().mean())
    per_horizon = rows["historic_value"].clip(lower_bound=0.0) / (rows["T"] / horizon_days).clip(lower_bound=1.0)
    return (per_horizon * retention).alias("value:peer_average_spend")


def _predict_by_lifetimes(rows: pl.DataFrame, horizon_days: int) -> Iterator[pl.Series]:
    for name, model_class in ORDER_MODELS.items():
        try:
            orders = model_class().fit(rows, engine=LIFETIMES_ENGINE)
            yield orders.p_no_order(rows, horizon_days).clip(1e-6, 1 - 1e-6).alias(f"p:{name}")
            if name == MODEL_OF_SPEND:
                spend = GammaGamma().fit(rows, engine=LIFETIMES_ENGINE).expected_spend(rows)
                yield (orders.expected_orders(rows, horizon_days) * spend).alias("value:peer_gamma_gamma")
        except TooLittleDataError:
            continue


def _predict_by_lightgbm(windows: pl.DataFrame, rows: pl.DataFrame) -> Iterator[pl.Series]:
    """Yield churn and spend by LightGBM's own defaults, with all windows together."""
    churned, spend = windows["churned"].to_numpy(), windows["next_spend"].to_numpy()
    columns, current = _columns(windows), _columns(rows)
    if 0 < churned.mean() < 1:
        churn = lgb.LGBMClassifier(verbose=-1, random_state=1).fit(columns, churned)
        yield pl.Series("p:peer_lightgbm", np.asarray(churn.predict_proba(current))[:, 1])
    value = lgb.LGBMRegressor(objective="tweedie", verbose=-1, random_state=1).fit(columns, spend)
    yield pl.Series("value:peer_lightgbm", np.asarray(value.predict(current)))


def _columns(frame: pl.DataFrame) -> Array:
    return frame.select(pl.col(RFM).cast(pl.Float64)).to_numpy()
