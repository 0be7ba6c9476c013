"""Do forecasts and verdicts for small shops with short logs hold? Simulated companies, whose true probabilities are known.

Run: python -m benchmarks.small_shops [--worlds 200] [--workers 2]

Each company has 60, 100 or 200 customers, a rhythm of 30 to 365 days, regular or random orders, and a log of half a horizon to
three. The champion that `train` would choose predicts the horizon after the log. The base rate is the same probability for all:
the share that then left, which cannot be known before, or the share in past windows. The tables show how far the log-loss of what
is served is above either, and whether the verdict (tested, weak evidence, never tested, cannot rank) was right: with tested or
weak evidence, customers who leave are expected above those who stay (true AUC above .5); with cannot rank, hardly (at most .6).
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import polars as pl
from scipy.stats import gamma

from features.frames.arrays import Array
from features.tables.schema import Tables
from models.churn.base_rate import BaseRateCandidate
from models.errors import TooLittleDataError
from models.snapshot import Snapshot
from models.track_record import CHANCE, Standing
from settings.sections import Churn, Settings, TableSources
from training.data.training_data import prepare_training_data
from training.fit_champion import fit_champion, hold_contest
from training.metrics import auc, log_loss, log_losses

AS_OF = date(2025, 7, 1)
SIZES = (60, 100, 200)
REGULARITIES = (1, 4, 12)
MAX_EXCESS = 0.02
MAX_UNRANKED_AUC = 0.6  # of a champion that "cannot rank": what a small log cannot tell from chance


@dataclass(frozen=True)
class World:
    """A company: its customers, rhythm and log; the horizon and the log's length are in rhythms and in horizons."""

    seed: int
    customers: int
    rhythm_days: float
    regularity: int
    horizon_days: int
    log_days: int


def worlds(count: int) -> Iterator[World]:
    """Yield the companies: the same for the same number."""
    rng = np.random.default_rng(1)
    for seed in range(count):
        rhythm = float(np.exp(rng.uniform(np.log(30), np.log(365))))
        horizon = round(rhythm * rng.choice([1.0, 1.5, 2.0, 3.0]))
        log_days = round(horizon * rng.uniform(0.5, 3.0))
        yield World(seed, int(rng.choice(SIZES)), rhythm, int(rng.choice(REGULARITIES)), horizon, log_days)


def simulate(world: World) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return all orders, before and after the as-of date, and the true probability of no order in the horizon by customer.

    Customers leave after an order with their own probability.
    """
    rng = np.random.default_rng([7, world.seed])
    n, max_orders = world.customers, 400
    rhythm = world.rhythm_days * np.exp(rng.normal(0, 0.4, n))
    gaps = rng.gamma(world.regularity, rhythm[:, None] / world.regularity, (n, max_orders))
    first = rng.uniform(-world.log_days, -1, n) - rng.uniform(0, 3 * world.rhythm_days, n) * (rng.random(n) < 0.5)
    days = np.concatenate([first[:, None], first[:, None] + np.cumsum(gaps, axis=1)], axis=1)
    leaving = rng.beta(0.6, 3.0, n)[:, None]
    alive = np.concatenate([np.ones((n, 1)), np.cumprod(rng.random((n, max_orders)) > leaving, axis=1)], axis=1).astype(bool)
    shown = alive & (days >= -world.log_days) & (days < world.horizon_days)
    customer, index = np.nonzero(shown)
    start = datetime.combine(AS_OF, datetime.min.time())
    orders = pl.DataFrame(
        {
            "customer_id": pl.Series(customer).cast(pl.String),
            "order_id": pl.Series(customer * 1000 + index).cast(pl.String),
            "ordered_at": [start + timedelta(days=float(day)) for day in days[shown]],
            "amount": np.exp(rng.normal(3.5, 0.6, len(customer))),
        }
    ).with_columns(pl.col("ordered_at").dt.cast_time_unit("us"))
    next_order = np.argmax(days >= 0, axis=1)
    is_there = alive[np.arange(n), next_order]
    silence = -days[np.arange(n), next_order - 1]
    stays = _order_within(world, rhythm / world.regularity, silence) * is_there
    return orders, pl.DataFrame({"customer_id": pl.Series(np.arange(n)).cast(pl.String), "p_true": 1 - stays})


def _order_within(world: World, scale: Array, silence: Array) -> Array:
    """Return the probability that a customer who will order again does so in the horizon, after this silence in days."""
    survival = gamma(world.regularity, scale=scale).sf
    within: Array = 1 - survival(silence + world.horizon_days) / survival(silence)
    return within


def _expected_log_loss(p_true: Array, p: Array) -> float:
    return float((p_true * log_losses(np.ones(len(p)), p) + (1 - p_true) * log_losses(np.zeros(len(p)), p)).mean())


def _true_auc(p_true: Array, p: Array) -> float:
    """Return the chance that a customer who leaves has the higher prediction of two, where only one of them leaves."""
    pairs = p_true[:, None] * (1 - p_true[None, :])
    np.fill_diagonal(pairs, 0.0)
    higher = (p[:, None] > p[None, :]) + 0.5 * (p[:, None] == p[None, :])
    return float((pairs * higher).sum() / pairs.sum())


def _is_right(standing: Standing, true_auc: float) -> bool:
    if standing is Standing.NEVER:
        return True
    return true_auc <= MAX_UNRANKED_AUC if standing is Standing.CANNOT_RANK else true_auc > CHANCE


def _known_rate(snapshots: list[Snapshot], current: pl.DataFrame) -> float:
    return BaseRateCandidate().fit(snapshots, current).rate if snapshots else 0.5


def evaluate(world: World) -> dict[str, object]:
    """Return the figures of one company."""
    orders, truth = simulate(world)
    before = orders.filter(pl.col("ordered_at") < datetime.combine(AS_OF, datetime.min.time()))
    later = set(orders.filter(pl.col("ordered_at") >= datetime.combine(AS_OF, datetime.min.time()))["customer_id"])
    settings = Settings(tables=TableSources("simulated"), churn=Churn(horizon_days=world.horizon_days))
    figures: dict[str, object] = {**vars(world), "horizons": world.log_days / world.horizon_days}
    try:
        data = prepare_training_data(settings, Tables(before.lazy()), AS_OF, lambda *_: None)
    except TooLittleDataError:
        return figures | {"champion": "none"}
    contest = hold_contest(data, lambda *_: None)
    champion = fit_champion(settings, data, contest)
    current = data.btyd.with_columns(data.features, world.horizon_days)
    p = champion.churn.p_churn(current).to_numpy()
    churned = (~current["customer_id"].is_in(list(later))).cast(pl.Float64).to_numpy()
    rate = np.full(len(p), np.clip(churned.mean(), 0.5 / len(p), 1 - 0.5 / len(p)))
    known_rate = np.full(len(p), _known_rate(data.snapshots, current))
    p_true = current.join(truth, on="customer_id", how="left", maintain_order="left")["p_true"].to_numpy()
    standing, true_auc = champion.record.standing, _true_auc(p_true, p)
    return figures | {
        "champion": champion.churn.name,
        "standing": standing.value,
        "true_auc": true_auc,
        "is_right": _is_right(standing, true_auc),
        "record_auc": champion.record.auc,
        "record_low": champion.record.low,
        "record_high": champion.record.high,
        "windows": len(data.snapshots),
        "origins": len(contest.result.origins),
        "rows": len(p),
        "churned": float(churned.mean()),
        "mean_p": float(p.mean()),
        "log_loss": log_loss(churned, p),
        "excess": log_loss(churned, p) - log_loss(churned, rate),
        "expected_excess": _expected_log_loss(p_true, p) - _expected_log_loss(p_true, np.full(len(p), p_true.mean())),
        "above_known": log_loss(churned, p) - log_loss(churned, known_rate),
        "auc": auc(churned, p),
    }


def main(count: int, workers: int, out: Path | None) -> None:
    """Evaluate all companies and print the table."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        frame = pl.DataFrame(list(pool.map(evaluate, worlds(count))), infer_schema_length=None)
    if out is not None:
        frame.write_parquet(out)
    scored = frame.filter(pl.col("champion") != "none").with_columns(
        pl.col("horizons").bin_intervals([1.0, 2.0], labels=["below 1", "1 to 2", "2 to 3"]).alias("log, horizons")
    )
    print(f"{frame.height} companies, {frame.height - scored.height} without a repeat buyer")
    excess = [
        pl.len(),
        pl.col("excess").mean().alias("mean excess"),
        (pl.col("excess").std() / pl.len().sqrt()).alias("standard error"),
        pl.col("excess").quantile(0.9).alias("90 % quantile"),
        pl.col("excess").max().alias("highest"),
        (pl.col("excess") > MAX_EXCESS).mean().alias("above .02"),
        (pl.col("mean_p") - pl.col("churned")).mean().alias("bias"),
        pl.col("expected_excess").mean().alias("expected excess"),
        (pl.col("expected_excess") > MAX_EXCESS).mean().alias("expected above .02"),
        pl.col("above_known").mean().alias("above the known rate"),
        (pl.col("above_known") > MAX_EXCESS).mean().alias("by .02"),
        pl.col("auc").mean(),
    ]
    verdicts = [pl.len(), pl.col("true_auc").mean(), pl.col("true_auc").min().alias("lowest"), pl.col("is_right").mean()]
    with pl.Config(
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_width_chars=240,
        float_precision=3,
        tbl_hide_dataframe_shape=True,
        tbl_hide_column_data_types=True,
    ):
        for group in ("log, horizons", "customers", "regularity", "champion", "standing"):
            print(scored.group_by(group).agg(excess).sort(group))
        print(scored.select(excess))
        print(scored.group_by("standing").agg(verdicts).sort("standing"))
        print(scored.select(verdicts))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.small_shops", description=__doc__)
    parser.add_argument("--worlds", type=int, default=200)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, help="Parquet file with a row per company")
    arguments = parser.parse_args()
    main(arguments.worlds, arguments.workers, arguments.out)
