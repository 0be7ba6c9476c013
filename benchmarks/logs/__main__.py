"""Is what is served better than the best that can be downloaded, on every log there is, and where is it not?

Run: python -m benchmarks.logs [--logs ../shared/data/logs] [--retail ../shared/data/online_retail.parquet] [--only NAME ...]

On each log: one holdout, and earlier origins one horizon apart, each with at least two horizons of log before it. Customers and
outcomes are counted from the raw rows; all models predict the same customers from what was known before the origin. "served" is
the champion that `train` would have chosen that day, through `score`. Intervals are 95 %, by paired bootstrap over customers (all
rows of a customer together). The page compares every candidate and peer; the printed tables are its summary.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from benchmarks.logs import peers, served
from benchmarks.logs.catalogue import OrderLog, find_logs
from benchmarks.logs.page import LogFigures, log_figures, render_page
from benchmarks.logs.raw_rows import read_days, summarise, with_outcomes
from benchmarks.logs.tables import print_tables
from expectations.validation.gate import load_tables
from settings.clock import utc_now


def evaluate(log: OrderLog, origin_count: int, cache: Path) -> pl.DataFrame:
    """Return a row per customer and origin: outcomes, and the predictions of all; read from `cache` where it has them."""
    days = read_days(log)
    last = days["day"].max()
    frames = []
    with TemporaryDirectory() as folder:
        settings, tables = log.settings(Path(folder)), None
        for origin in log.origins(days["day"].min(), origin_count):  # type: ignore[arg-type]  # the minimum of dates is one
            path = cache / f"{log.name}-{origin}.parquet"
            if not path.is_file():
                tables = tables or load_tables(settings, utc_now())[0]
                rows = with_outcomes(summarise(days, origin), days, origin, log.horizon_days)
                rows = rows.with_columns(*peers.predict(days, rows, origin, log.horizon_days))
                predicted = served.predict(settings, tables, origin, rows.select("customer_id", "last_spend"))
                rows = rows.join(predicted, on="customer_id", how="left")
                rows.with_columns(pl.lit(origin).alias("origin"), pl.lit(last).alias("last_day")).write_parquet(path)
            frames.append(pl.read_parquet(path))
    return pl.concat(frames, how="diagonal")


def main(logs: list[OrderLog], origin_count: int, out: Path) -> None:
    """Evaluate every log, print the tables, and write the page."""
    out.mkdir(parents=True, exist_ok=True)
    figures: list[LogFigures] = []
    for log in logs:
        print(f"{log.name} ...", flush=True)
        figures.append(log_figures(log, evaluate(log, origin_count, out)))
    print_tables(figures)
    page = out / "logs.html"
    page.write_text(render_page(figures), encoding="utf-8")
    print(f"\nPage: {page}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.logs", description=__doc__)
    parser.add_argument("--logs", type=Path, default=Path("../shared/data/logs"))
    parser.add_argument("--retail", type=Path, default=Path("../shared/data/online_retail.parquet"))
    parser.add_argument("--only", nargs="+", metavar="NAME", help="logs to evaluate; by default all")
    parser.add_argument("--origins", type=int, default=4, help="days per log, the holdout included")
    parser.add_argument(
        "--out", type=Path, default=Path("workspace/benchmarks/logs"), help="page and predictions; kept ones are used again"
    )
    arguments = parser.parse_args()
    chosen = [log for log in find_logs(arguments.logs, arguments.retail) if not arguments.only or log.name in arguments.only]
    if not chosen:
        print("skipped: no log was found")
    else:
        main(chosen, arguments.origins, arguments.out)
