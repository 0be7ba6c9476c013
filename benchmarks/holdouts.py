"""Is the hybrid better than the best single peer, on holdouts nothing was tuned after, and how sure is that?

Run: python -m benchmarks.holdouts [--retail ../shared/data/online_retail.parquet] [--cdnow] [--origins 2011-01-15 ...]

At each origin everything is fitted on what was known before it, and judged on the 90 days after it, all candidates on the
same customers. Peers: the recency rule; BG/NBD x Gamma-Gamma; LightGBM with its own defaults on plain RFM columns, trained on
windows 30 days apart. Intervals are 95 %, by paired bootstrap over customers and origins.
"""

import argparse
from datetime import date, timedelta
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl

from expectations.validation.gate import load_tables
from expectations.validation.tables import utc_now
from features.labels import with_labels
from features.point_in_time import known_before
from features.tables.schema import Tables
from holdfast.demo.cdnow import read_cdnow
from models.churn.hybrid import HybridCandidate
from models.churn.recency_rule import RecencyRuleCandidate
from models.snapshot import Snapshot
from models.value.baselines import LAST_PERIOD, ORDER_MODELS, RecencyDecilesCandidate, RetainedSpendCandidate
from models.value.hybrid import HybridValueCandidate
from settings.sections import Settings, TableSources
from training.data.training_data import TrainingData, prepare_training_data
from training.evaluation.backtest_metrics import calibration_floor
from training.evaluation.bootstrap import paired_interval
from training.metrics import churn_metrics, interval_metrics, value_metrics

ORIGINS = [date(2011, 1, 15), date(2011, 3, 1), date(2011, 4, 15), date(2011, 6, 1)]
CDNOW_ORIGINS = [date(1997, 10, 1), date(1998, 1, 1), date(1998, 4, 1)]
HORIZON = 90
RFM = ["frequency", "recency", "T", "recency_days", "monetary_value", "historic_value"]
RETAIL = {
    "customer_id": "CustomerID",
    "order_id": "Invoice",
    "ordered_at": "InvoiceDate",
    "amount": "Quantity * Price",
    "quantity": "Quantity",
    "product_id": "StockCode",
    "unit_price": "Price",
    "region": "Country",
}
PEERS = ("recency_rule", "bgnbd", "lightgbm_rfm")
VALUE_PEERS = ("same_as_last_period", "average_spend_x_retention", "recency_deciles", "bgnbd_gamma_gamma", "lightgbm_rfm")


def silent(_stage: str, _done: int, _total: int) -> None:
    """Say nothing."""


def judged(settings: Settings, tables: Tables, origin: date) -> pl.DataFrame:
    """Return what came of every customer of an origin, and what each candidate had foretold."""
    data = prepare_training_data(settings, tables, origin, silent)
    snapshots = data.snapshots
    seen = data.btyd.with_columns(data.features, HORIZON)
    frame = with_labels(_with_last_spend(seen, data, origin).lazy(), tables.transactions, origin, HORIZON).collect()
    churn, value = HybridCandidate().fit(snapshots, seen), HybridValueCandidate().fit(snapshots, seen)
    deciles, retained = RecencyDecilesCandidate().fit(snapshots, seen), RetainedSpendCandidate().fit(snapshots, seen)
    rfm = _rfm(snapshots, frame)
    return frame.select(
        pl.lit(origin).alias("origin"),
        pl.col("churned").cast(pl.Float64),
        pl.col("next_spend").clip(lower_bound=0.0),
        RecencyRuleCandidate().fit(snapshots, seen).p_churn(frame).alias("p:recency_rule"),
        pl.col("btyd_p_no_order").alias("p:bgnbd"),
        rfm[0].alias("p:lightgbm_rfm"),
        churn.p_churn(frame).alias("p:hybrid"),
        LAST_PERIOD.expected(frame).alias("value:same_as_last_period"),
        retained.expected(frame).alias("value:average_spend_x_retention"),
        deciles.expected(frame).alias("value:recency_deciles"),
        ORDER_MODELS.expected(frame).alias("value:bgnbd_gamma_gamma"),
        rfm[1].alias("value:lightgbm_rfm"),
        value.expected(frame).alias("value:hybrid"),
        *(
            model.quantile(frame, at).alias(f"{end}:{model.name}")
            for model in (deciles, value)
            for end, at in (("low", 0.1), ("high", 0.9))
        ),
    )


def _with_last_spend(frame: pl.DataFrame, data: TrainingData, origin: date) -> pl.DataFrame:
    before = known_before(data.tables, origin).transactions
    start = origin - timedelta(days=HORIZON)
    last = with_labels(frame.select("customer_id").lazy(), before, start, HORIZON).select("customer_id", last_spend="next_spend")
    return frame.join(last.collect(), on="customer_id", how="left")


def _rfm(snapshots: list[Snapshot], frame: pl.DataFrame) -> tuple[pl.Series, pl.Series]:
    """LightGBM as a first attempt would have it: its own defaults, plain columns, all windows together."""
    train = pl.concat([snapshot.frame.select(*RFM, "churned", "next_spend") for snapshot in snapshots])
    columns, spend = train.select(pl.col(RFM).cast(pl.Float64)).to_numpy(), train["next_spend"].clip(lower_bound=0.0).to_numpy()
    asked = frame.select(pl.col(RFM).cast(pl.Float64)).to_numpy()
    churn = lgb.LGBMClassifier(verbose=-1, random_state=1).fit(columns, train["churned"].to_numpy())
    value = lgb.LGBMRegressor(objective="tweedie", verbose=-1, random_state=1).fit(columns, spend)
    return pl.Series(np.asarray(churn.predict_proba(asked))[:, 1]), pl.Series(np.asarray(value.predict(asked)))


def report(name: str, frame: pl.DataFrame) -> None:
    """Print the table of churn, of value and of intervals, pooled, and the differences to the best peer of each metric."""
    churned, spend = frame["churned"].to_numpy(), frame["next_spend"].to_numpy()
    origins = frame["origin"].unique().sort().to_list()
    print(f"\n## {name}: {frame.height:,} customer windows of {HORIZON} days from {', '.join(map(str, origins))}\n")
    print("| churn | AUC | log-loss | average precision | calibration error (floor) | bias |\n|---|---|---|---|---|---|")
    for peer in (*PEERS, "hybrid"):
        p = frame[f"p:{peer}"].to_numpy()
        m = churn_metrics(churned, p)
        floor = calibration_floor(p)
        shown = f"{m['auc']:.4f} | {m['log_loss']:.4f} | {m['average_precision']:.4f}"
        print(f"| {peer} | {shown} | {m['calibration_error']:.3f} ({floor:.3f}) | {m['bias']:+.3f} |")
    print("\n| value | Gini | Tweedie deviance | Spearman | bias | top tenth has | MAE |\n|---|---|---|---|---|---|---|")
    for peer in (*VALUE_PEERS, "hybrid"):
        m = value_metrics(spend, frame[f"value:{peer}"].to_numpy())
        shown = f"{m['gini']:.4f} | {m['tweedie_deviance']:.2f} | {m['spearman']:.3f} | {m['bias']:+.2f}"
        print(f"| {peer} | {shown} | {m['top_capture']:.3f} | {m['mae']:.0f} |")
    for key, better in (("auc", max), ("log_loss", min)):
        _against_best(frame, "p:", PEERS, key, better)
    for key, better in (("gini", max), ("tweedie_deviance", min)):
        _against_best(frame, "value:", VALUE_PEERS, key, better)
    own, naive = (
        interval_metrics(spend, frame[f"low:{one}"].to_numpy(), frame[f"high:{one}"].to_numpy())
        for one in ("hybrid", "recency_deciles")
    )
    ratio = own["interval_score"] / naive["interval_score"]
    print(f"interval score {own['interval_score']:.1f}, {ratio:.3f} x recency deciles; above value_high {own['above_high']:.3f}")
    for (origin,), rows in frame.group_by("origin", maintain_order=True):
        _of_origin(str(origin), rows)


def _against_best(frame: pl.DataFrame, prefix: str, peers: tuple[str, ...], key: str, better: object) -> None:
    measure, actual = (churn_metrics, "churned") if prefix == "p:" else (value_metrics, "next_spend")
    y = frame[actual].to_numpy()
    scores = {peer: measure(y, frame[prefix + peer].to_numpy())[key] for peer in (*peers, "hybrid")}
    best = better(peers, key=lambda peer: scores[peer])  # type: ignore[operator]  # max or min
    low, high = paired_interval(
        lambda y, p: measure(y, p)[key], y, frame[f"{prefix}hybrid"].to_numpy(), frame[prefix + best].to_numpy()
    )
    gap = scores["hybrid"] - scores[best]
    print(f"{key}: {gap:+.4f} [{low:+.4f}, {high:+.4f}] against {best}, {scores['hybrid'] / scores[best]:.4f} x")


def _of_origin(origin: str, rows: pl.DataFrame) -> None:
    churn = {one: churn_metrics(rows["churned"].to_numpy(), rows[f"p:{one}"].to_numpy()) for one in ("bgnbd", "hybrid")}
    value = {
        one: value_metrics(rows["next_spend"].to_numpy(), rows[f"value:{one}"].to_numpy())
        for one in ("bgnbd_gamma_gamma", "hybrid")
    }
    above = float((rows["next_spend"] > rows["high:hybrid"]).mean())  # type: ignore[arg-type]  # the mean of booleans
    auc, loss = (f"{churn['hybrid'][key]:.4f} (bgnbd {churn['bgnbd'][key]:.4f})" for key in ("auc", "log_loss"))
    bias = f"{value['hybrid']['bias']:+.2f} (order models {value['bgnbd_gamma_gamma']['bias']:+.2f})"
    print(f"{origin}: AUC {auc}, log-loss {loss}, bias of total {bias}, above value_high {above:.3f}")


def main(retail: Path, origins: list[date], *, cdnow: bool) -> None:
    """Judge Online Retail where it is there, and CDNOW where asked for."""
    if retail.is_file():
        settings = Settings(tables=TableSources(str(retail)))
        settings.columns.transactions.update(RETAIL)
        tables, _ = load_tables(settings, utc_now())
        report("Online Retail", pl.concat([judged(settings, tables, origin) for origin in origins]))
    else:
        print(f"{retail} is absent: Online Retail is left out")
    if cdnow:
        log = read_cdnow().with_columns(pl.col("ordered_at").cast(pl.Datetime("us")), order_id=pl.col("customer_id"))
        settings = Settings(tables=TableSources("cdnow"))
        report("CDNOW", pl.concat([judged(settings, Tables(log.lazy()), origin) for origin in CDNOW_ORIGINS]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.holdouts", description=__doc__)
    parser.add_argument("--retail", type=Path, default=Path("../shared/data/online_retail.parquet"))
    parser.add_argument("--origins", type=date.fromisoformat, nargs="+", default=ORIGINS)
    parser.add_argument("--cdnow", action="store_true")
    arguments = parser.parse_args()
    main(arguments.retail, arguments.origins, cdnow=arguments.cdnow)
