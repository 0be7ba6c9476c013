"""Results as tables on the console."""

from datetime import datetime
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from features.tables.schema import ALL_TABLES, Tables
from serving.store.keys import KeyRow
from training.evaluation.order_model_fit import OrderFit

CHURN = {"log_loss": "log-loss", "auc": "AUC", "calibration_error": "calibration error", "lift_10": "lift at 10 %"}
MARKS = {True: "holds   ", False: "DOES NOT", None: "unknown "}
VALUE = {
    "tweedie_deviance": "Tweedie deviance",
    "gini": "Gini",
    "spearman": "Spearman",
    "bias": "bias of total",
    "interval_score": "interval score",
    "above_high": "above value_high",
}


def print_profile(console: Console, tables: Tables) -> None:
    """Customers, columns and period of each table."""
    table = Table(title="What the tables hold", title_justify="left")
    for name in ("table", "customers", "first", "last", "columns"):
        table.add_column(name, justify="right" if name == "customers" else "left", overflow="fold")
    for name, frame in tables.present().items():
        dated, columns = ALL_TABLES[name].known_from, frame.collect_schema().names()
        when = pl.col(dated).dt.date() if dated in columns else pl.lit(None, pl.Date)
        customers, first, last = (
            frame.select(pl.col("customer_id").n_unique(), first=when.min(), last=when.max()).collect().row(0)
        )
        table.add_row(name, f"{customers:,}", str(first or "-"), str(last or "-"), ", ".join(columns))
    console.print(table)


def print_returns(console: Console, returns: pl.DataFrame) -> None:
    """How often a silence of so many days was ended by a purchase."""
    table = Table(title="Silences, and how many of them a purchase has ended since", title_justify="left")
    for name in ("silent for at least", "how many", "came back"):
        table.add_column(name, justify="right")
    for days, reached, share in returns.iter_rows():
        table.add_row(f"{days} days", f"{reached:,}", "-" if share is None else f"{share:.0%}")
    console.print(table)


def print_leaderboard(console: Console, board: dict[str, Any]) -> None:
    """Candidates by metric, best first, the named baseline marked, and who could not be judged."""
    for note in board["notes"]:
        console.print(f"Note: {note}")
    if not board["origins"]:
        console.print("The log is too short for a backtest: no past window was closed before another began.")
        return
    when = f"{board['rows']:,} customer windows of {board['horizon_days']} days from {', '.join(board['origins'])}"
    console.print(_board(f"Churn, {when}", board["churn"], CHURN, board["churn_baseline"]))
    console.print(_board(f"Value, {when}", board["value"], VALUE, board["value_baseline"]))
    for candidate, limit in board["limits"].items():
        console.print(f"Not judged: {candidate}. {limit}")


def print_list(console: Console, frame: pl.DataFrame, currency: str, rows: int = 5) -> None:
    """The head of a weekly list; nothing for an empty one."""
    if frame.is_empty():
        return
    table = Table(title=f"First {min(rows, frame.height)} of {frame.height:,} customers", title_justify="left")
    for name in ("rank", "customer_id", "arm", "action", "p_churn", f"gain {currency}", "first reason"):
        table.add_column(name, overflow="fold")
    for row in frame.head(rows).iter_rows(named=True):
        table.add_row(
            str(row["rank"]),
            row["customer_id"],
            row["arm"],
            row["action"],
            f"{row['p_churn']:.2f}",
            f"{row['expected_gain']:.2f}",
            row["reason_1"] or "",
        )
    console.print(table)


def print_keys(console: Console, keys: list[KeyRow], now: datetime) -> None:
    """Keys as they may be shown, live ones and others."""
    table = Table(title="Keys of clients; times are UTC", title_justify="left")
    for name in ("key id", "client", "scopes", "made", "ends", "state"):
        table.add_column(name, overflow="fold")
    for key in keys:
        state = "live" if key.is_live(now) else "revoked" if key.revoked_at else "expired"
        made, ends = (f"{moment:%Y-%m-%d %H:%M}" for moment in (key.created_at, key.expires_at))
        table.add_row(key.key_id, key.client, key.scopes, made, ends, state)
    console.print(table)


def _board(title: str, entries: list[dict[str, Any]], shown: dict[str, str], baseline: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("candidate")
    for label in shown.values():
        table.add_column(label, justify="right")
    for entry in entries:
        name = entry["candidate"] + (" (baseline)" if entry["candidate"] == baseline else "")
        table.add_row(name, *("-" if entry.get(key) is None else f"{entry[key]:.4f}" for key in shown))
    return table


def print_order_fit(console: Console, fit: OrderFit) -> None:
    """The order models side by side, then each check in words, of the model that fits best."""
    table = Table(
        title=f"Order models of {fit.customers:,} customers, fitted on the log before {fit.split}", title_justify="left"
    )
    for name in ("model", "log-likelihood", "in another bar", "total within", "total after", "fit"):
        table.add_column(name, justify="left" if name in {"model", "fit"} else "right", overflow="fold")
    for name, of_model in fit.of_models.items():
        counts, within, after = (check.figures for check in of_model.checks)
        offs = [f"{part['off']:+.1%}" if "off" in part else "-" for part in (within, after)]
        likelihood = f"{of_model.model.log_likelihood:,.1f}"
        table.add_row(name, likelihood, f"{counts['misplaced']:.1%}", *offs, of_model.model.diagnosis)
    console.print(table)
    best = max(fit.of_models, key=lambda name: fit.of_models[name].model.log_likelihood)
    console.print(f"{best} fits best. What the order models take for granted:")
    for check in (*fit.of_models[best].checks, *fit.of_data):
        console.print(f"{MARKS[check.holds]}  {check.name}: {check.sentence}")
