"""Is the hybrid better than the best single peer on holdouts that played no part in tuning, and is the difference significant?

Run: python -m benchmarks.holdouts [--retail ../shared/data/online_retail.parquet] [--cdnow] [--origins 2011-01-15 ...]

At each origin all candidates are fitted on what was known before it and evaluated on the 90 days after it, on the same
customers. Peers: the recency rule; BG/NBD x Gamma-Gamma; LightGBM with its own defaults on plain RFM columns, trained on
windows 30 days apart. Intervals are 95 %, by paired bootstrap over customers (all rows of a customer together).
"""

import argparse
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl

from benchmarks.logs.catalogue import RETAIL_COLUMNS
from expectations.validation.gate import load_tables
from features.labels import with_labels
from features.point_in_time import known_before
from features.tables.schema import Tables
from holdfast.demo.cdnow import read_cdnow
from models.churn.hybrid import HybridCandidate
from models.churn.recency_rule import RecencyRuleCandidate
from models.snapshot import Snapshot
from models.trees.booster_cache import BoosterCache
from models.value.baselines import LAST_PERIOD, ORDER_MODELS, RecencyDecilesCandidate, RetainedSpendCandidate
from models.value.hybrid import HybridValueCandidate
from settings.clock import utc_now
from settings.sections import Settings, TableSources
from training.data.training_data import TrainingData, prepare_training_data
from training.evaluation.backtest_metrics import calibration_floor
from training.evaluation.bootstrap import paired_interval, resample_customers
from training.evaluation.leaderboard import COMPARED_METRICS
from training.metrics import churn_metrics, interval_metrics, value_metrics

ORIGINS = [date(2011, 1, 15), date(2011, 3, 1), date(2011, 4, 15), date(2011, 6, 1)]
CDNOW_ORIGINS = [date(1997, 10, 1), date(1998, 1, 1), date(1998, 4, 1)]
HORIZON_DAYS = 90
RFM = ["frequency", "recency", "T", "recency_days", "monetary_value", "historic_value"]
PEERS = ("recency_rule", "bgnbd", "lightgbm_rfm")
VALUE_PEERS = ("same_as_last_period", "average_spend_x_retention", "recency_deciles", "bgnbd_gamma_gamma", "lightgbm_rfm")
SelectBest = Callable[..., str]


def no_progress(_stage: str, _done: int, _total: int) -> None:
    """Report no progress."""


def evaluate_origin(settings: Settings, tables: Tables, origin: date) -> pl.DataFrame:
    """Return one row per customer of an origin with the outcomes and each candidate's predictions."""
    data = prepare_training_data(settings, tables, origin, no_progress)
    snapshots = data.snapshots
    current = data.btyd.with_columns(data.features, HORIZON_DAYS)
    frame = with_labels(_with_last_spend(current, data, origin).lazy(), tables.transactions, origin, HORIZON_DAYS).collect()
    boosters = BoosterCache()
    churn = HybridCandidate(boosters=boosters).fit(snapshots, current)
    value = HybridValueCandidate(boosters=boosters).fit(snapshots, current)
    deciles, retained = RecencyDecilesCandidate().fit(snapshots, current), RetainedSpendCandidate().fit(snapshots, current)
    rfm_churn, rfm_value = _predict_by_rfm(snapshots, frame)
    return frame.select(
        "customer_id",
        pl.lit(origin).alias("origin"),
        pl.col("churned").cast(pl.Float64),
        pl.col("next_spend").clip(lower_bound=0.0),
        RecencyRuleCandidate().fit(snapshots, current).p_churn(frame).alias("p:recency_rule"),
        pl.col("btyd_p_no_order").alias("p:bgnbd"),
        rfm_churn.alias("p:lightgbm_rfm"),
        churn.p_churn(frame).alias("p:hybrid"),
        LAST_PERIOD.expected(frame).alias("value:same_as_last_period"),
        retained.expected(frame).alias("value:average_spend_x_retention"),
        deciles.expected(frame).alias("value:recency_deciles"),
        ORDER_MODELS.expected(frame).alias("value:bgnbd_gamma_gamma"),
        rfm_value.alias("value:lightgbm_rfm"),
        value.expected(frame).alias("value:hybrid"),
        *(
            model.quantile(frame, level).alias(f"{end}:{model.name}")
            for model in (deciles, value)
            for end, level in (("low", 0.1), ("high", 0.9))
        ),
    )


def _with_last_spend(frame: pl.DataFrame, data: TrainingData, origin: date) -> pl.DataFrame:
    transactions = known_before(data.tables, origin).transactions
    start = origin - timedelta(days=HORIZON_DAYS)
    labels = with_labels(frame.select("customer_id").lazy(), transactions, start, HORIZON_DAYS)
    last_spend = labels.select("customer_id", last_spend="next_spend").collect()
    return frame.join(last_spend, on="customer_id", how="left")


def _predict_by_rfm(snapshots: list[Snapshot], frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """Return p_churn and spend by LightGBM as in a first attempt: its own defaults, plain columns, all windows together."""
    training = pl.concat([snapshot.frame.select(*RFM, "churned", "next_spend") for snapshot in snapshots])
    columns = training.select(pl.col(RFM).cast(pl.Float64)).to_numpy()
    spend = training["next_spend"].clip(lower_bound=0.0).to_numpy()
    rows = frame.select(pl.col(RFM).cast(pl.Float64)).to_numpy()
    churn = lgb.LGBMClassifier(verbose=-1, random_state=1).fit(columns, training["churned"].to_numpy())
    value = lgb.LGBMRegressor(objective="tweedie", verbose=-1, random_state=1).fit(columns, spend)
    return pl.Series(np.asarray(churn.predict_proba(rows))[:, 1]), pl.Series(np.asarray(value.predict(rows)))


def print_report(name: str, frame: pl.DataFrame) -> None:
    """Print churn, value and interval metrics over all origins, then the differences from the best peer of each metric."""
    origins = frame["origin"].unique().sort().to_list()
    print(f"\n## {name}: {frame.height:,} customer windows of {HORIZON_DAYS} days from {', '.join(map(str, origins))}\n")
    _print_metrics(frame)
    for key, select_best in (("auc", max), ("log_loss", min)):
        _print_difference_from_best(frame, "p:", PEERS, key, select_best)
    for key, select_best in (("gini", max), ("tweedie_deviance", min)):
        _print_difference_from_best(frame, "value:", VALUE_PEERS, key, select_best)
    own, naive = (
        interval_metrics(frame["next_spend"].to_numpy(), frame[f"low:{model}"].to_numpy(), frame[f"high:{model}"].to_numpy())
        for model in ("hybrid", "recency_deciles")
    )
    ratio = own["interval_score"] / naive["interval_score"]
    print(f"interval score {own['interval_score']:.1f}, {ratio:.3f} x recency deciles; above value_high {own['above_high']:.3f}")
    for (origin,), rows in frame.group_by("origin", maintain_order=True):
        _print_origin(str(origin), rows)


def _print_metrics(frame: pl.DataFrame) -> None:
    churned, spend = frame["churned"].to_numpy(), frame["next_spend"].to_numpy()
    print("| churn | AUC | log-loss | average precision | calibration error (floor) | bias |\n|---|---|---|---|---|---|")
    for model in (*PEERS, "hybrid"):
        p = frame[f"p:{model}"].to_numpy()
        m = churn_metrics(churned, p)
        cells = f"{m['auc']:.4f} | {m['log_loss']:.4f} | {m['average_precision']:.4f}"
        print(f"| {model} | {cells} | {m['calibration_error']:.3f} ({calibration_floor(p):.3f}) | {m['bias']:+.3f} |")
    print("\n| value | Gini | Tweedie deviance | Spearman | bias | share of top tenth | MAE |\n|---|---|---|---|---|---|---|")
    for model in (*VALUE_PEERS, "hybrid"):
        m = value_metrics(spend, frame[f"value:{model}"].to_numpy())
        cells = f"{m['gini']:.4f} | {m['tweedie_deviance']:.2f} | {m['spearman']:.3f} | {m['bias']:+.2f}"
        print(f"| {model} | {cells} | {m['top_capture']:.3f} | {m['mae']:.0f} |")


def _print_difference_from_best(
    frame: pl.DataFrame, prefix: str, peers: tuple[str, ...], key: str, select_best: SelectBest
) -> None:
    metrics, outcome = (churn_metrics, "churned") if prefix == "p:" else (value_metrics, "next_spend")
    y = frame[outcome].to_numpy()
    scores = {model: metrics(y, frame[prefix + model].to_numpy())[key] for model in (*peers, "hybrid")}
    best = select_best(peers, key=lambda peer: scores[peer])
    own, peer = frame[f"{prefix}hybrid"].to_numpy(), frame[prefix + best].to_numpy()
    low, high = paired_interval(COMPARED_METRICS[prefix][key], y, own, peer, resample_customers(frame["customer_id"]))
    difference, ratio = scores["hybrid"] - scores[best], scores["hybrid"] / scores[best]
    print(f"{key}: {difference:+.4f} [{low:+.4f}, {high:+.4f}] against {best}, {ratio:.4f} x")


def _print_origin(origin: str, rows: pl.DataFrame) -> None:
    churned, spend = rows["churned"].to_numpy(), rows["next_spend"].to_numpy()
    churn = {model: churn_metrics(churned, rows[f"p:{model}"].to_numpy()) for model in ("bgnbd", "hybrid")}
    value = {model: value_metrics(spend, rows[f"value:{model}"].to_numpy()) for model in ("bgnbd_gamma_gamma", "hybrid")}
    above = float((rows["next_spend"] > rows["high:hybrid"]).mean())  # type: ignore[arg-type]  # the mean of booleans
    auc, loss = (f"{churn['hybrid'][key]:.4f} (bgnbd {churn['bgnbd'][key]:.4f})" for key in ("auc", "log_loss"))
    bias = f"{value['hybrid']['bias']:+.2f} (order models {value['bgnbd_gamma_gamma']['bias']:+.2f})"
    print(f"{origin}: AUC {auc}, log-loss {loss}, bias of total {bias}, above value_high {above:.3f}")


def main(retail: Path, origins: list[date], *, cdnow: bool) -> None:
    """Evaluate Online Retail if its file exists, and CDNOW if requested."""
    if retail.is_file():
        settings = Settings(tables=TableSources(str(retail)))
        settings.columns.transactions.update(RETAIL_COLUMNS)
        tables, _ = load_tables(settings, utc_now())
        print_report("Online Retail", pl.concat([evaluate_origin(settings, tables, origin) for origin in origins]))
    else:
        print(f"skipped Online Retail: {retail} does not exist")
    if cdnow:
        log = read_cdnow().with_columns(pl.col("ordered_at").cast(pl.Datetime("us")), order_id=pl.col("customer_id"))
        settings = Settings(tables=TableSources("cdnow"))
        print_report("CDNOW", pl.concat([evaluate_origin(settings, Tables(log.lazy()), origin) for origin in CDNOW_ORIGINS]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.holdouts", description=__doc__)
    parser.add_argument("--retail", type=Path, default=Path("../shared/data/online_retail.parquet"))
    parser.add_argument("--origins", type=date.fromisoformat, nargs="+", default=ORIGINS)
    parser.add_argument("--cdnow", action="store_true")
    arguments = parser.parse_args()
    main(arguments.retail, arguments.origins, cdnow=arguments.cdnow)
