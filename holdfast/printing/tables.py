"""Print results as tables."""

from typing import TYPE_CHECKING, Any

import polars as pl
from rich.console import Console
from rich.table import Table

from features.rendering.amounts import format_amount, format_rough
from features.tables.schema import SOURCE_TABLES, Tables
from features.windows import Proposal, Windows, past_windows

if TYPE_CHECKING:
    from training.evaluation.order_model_fit import OrderFit  # which loads SciPy and the order models

CHURN_METRICS = {"log_loss": "log-loss", "auc": "AUC", "calibration_error": "calibration error", "lift_10": "lift at 10 %"}
VERDICTS = {True: "holds", False: "violated", None: "unknown"}
VALUE_METRICS = {
    "tweedie_deviance": "Tweedie deviance",
    "gini": "Gini",
    "spearman": "Spearman",
    "bias": "bias of total",
    "interval_score": "interval score",
    "above_high": "above value_high",
}

MAX_COHORTS, MAX_LATER = 8, 8


def print_profile(console: Console, tables: Tables) -> None:
    """Print the number of customers, the period and the columns of each table."""
    table = Table(title="Contents of the tables", title_justify="left")
    for name in ("table", "customers", "first", "last", "columns"):
        table.add_column(name, justify="right" if name == "customers" else "left", overflow="fold")
    for name, frame in tables.present().items():
        date_column, columns = SOURCE_TABLES[name].known_from, frame.collect_schema().names()
        day = pl.col(date_column).dt.date() if date_column in columns else pl.lit(None, pl.Date)
        profile = frame.select(pl.col("customer_id").n_unique(), first=day.min(), last=day.max()).collect()
        customers, first, last = profile.row(0)
        table.add_row(name, f"{customers:,}", str(first or "-"), str(last or "-"), ", ".join(columns))
    console.print(table)


def print_cohorts(console: Console, retention: pl.DataFrame, period: str) -> None:
    """Print which share of the customers of each period bought again in each later one; nothing for a log without a cohort."""
    cohorts = retention["cohort"].unique().sort().tail(MAX_COHORTS)
    shown = retention.filter(pl.col("cohort").is_in(cohorts.implode()), pl.col("later") <= MAX_LATER)
    if shown.is_empty():
        return
    table = Table(
        title=f"Cohorts by {period} of the first purchase: share that bought again, {period}s later", title_justify="left"
    )
    columns = range(1, int(shown["later"].max()) + 1)  # type: ignore[arg-type]  # there are rows
    for name in ("first purchase", "customers", *(f"+{later}" for later in columns)):
        table.add_column(name, justify="left" if name == "first purchase" else "right")
    for (cohort, customers), rows in shown.group_by("cohort", "customers", maintain_order=True):
        shares = dict(rows.select("later", "bought").iter_rows())
        table.add_row(f"{cohort:%Y-%m}", f"{customers:,}", *(f"{shares[k]:.0%}" if k in shares else "" for k in columns))
    console.print(table)


def print_return_rates(console: Console, returns: pl.DataFrame) -> None:
    """Print the share of gaps of at least N days after which the customer bought again, as far as the log can tell."""
    table = Table(title="Gaps without a purchase, and how often the customer bought again", title_justify="left")
    for name in ("gap of at least", "gaps", "bought again"):
        table.add_column(name, justify="right")
    for days, reached, share in returns.iter_rows():
        table.add_row(f"{days} days", f"{reached:,}", "-" if share is None else f"{share:z.0%}")
    console.print(table)


def print_proposal(console: Console, proposal: Proposal, current: Windows, days_of_log: int) -> None:
    """Print the proposed windows beside the current ones, each with its evidence, and what the log can test."""
    horizon, active = proposal.windows.horizon_days, proposal.windows.active_days
    limit = ""
    if proposal.rhythm_days > horizon:
        limit = f" Four in five come within {proposal.rhythm_days} days, but a log of {days_of_log:,} days cannot test as much."
    console.print(
        f"Proposed churn.horizon_days = {horizon} (now {current.horizon_days}): {proposal.within:.0%} of repeat purchases come "
        f"within this time.{limit}"
    )
    now = past_windows(days_of_log, current.horizon_days)
    console.print(
        f"Past windows to learn from and to test on: {proposal.past_windows} with this horizon, {now} with the current one; "
        "3 are enough."
    )
    evidence = "too few customers can be followed for longer to say who comes back"
    if proposal.returned is not None:
        evidence = f"of the customers silent for so long, {proposal.returned:.0%} came back later"
    if not proposal.is_final:
        evidence += "; customers return after any silence seen so far, so no silence means that a customer has left"
    console.print(f"Proposed churn.active_days = {active} (now {current.active_days}): {evidence}.")


def print_leaderboard(console: Console, board: dict[str, Any]) -> None:
    """Print the candidates with their metrics, best first and the baseline marked, and those that could not be evaluated."""
    for note in board["notes"]:
        console.print(f"Note: {note}")
    if not board["origins"]:
        console.print("The log is too short for a backtest, which needs a past window that ended before another one began.")
        return
    windows = f"{board['rows']:,} customer windows of {board['horizon_days']} days from {', '.join(board['origins'])}"
    console.print(_leaderboard_table(f"Churn, {windows}", board["churn"], CHURN_METRICS, board["churn_baseline"]))
    console.print(_leaderboard_table(f"Value, {windows}", board["value"], VALUE_METRICS, board["value_baseline"]))
    if board["behind"]:
        console.print(f"Clearly behind on the two newest days, and not fitted on the older ones: {', '.join(board['behind'])}.")
    for candidate, reason in board["limits"].items():
        console.print(f"Not evaluated: {candidate}. {reason}")


def print_list(console: Console, frame: pl.DataFrame, currency: str, rows: int = 5, *, is_assumed: bool = False) -> None:
    """Print the first rows of a weekly list; nothing for an empty list. Gains that are only assumed have two digits."""
    if frame.is_empty():
        return
    table = Table(title=f"First {min(rows, frame.height)} of {frame.height:,} customers", title_justify="left")
    for name in (
        "rank",
        "customer_id",
        "arm",
        "action",
        "p_churn",
        f"{'assumed ' if is_assumed else ''}gain {currency}",
        "first reason",
    ):
        table.add_column(name, overflow="fold")
    for row in frame.head(rows).iter_rows(named=True):
        table.add_row(
            str(row["rank"]),
            row["customer_id"],
            row["arm"],
            row["action"],
            f"{row['p_churn']:z.2f}",
            format_rough(row["expected_gain"]) if is_assumed else format_amount(row["expected_gain"], 2),
            row["reason_1"] or "",
        )
    console.print(table)


def _leaderboard_table(title: str, entries: list[dict[str, Any]], metrics: dict[str, str], baseline: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("candidate")
    for label in metrics.values():
        table.add_column(label, justify="right")
    for entry in entries:
        name = entry["candidate"] + (" (baseline)" if entry["candidate"] == baseline else "")
        table.add_row(name, *("-" if entry.get(key) is None else f"{entry[key]:z.4f}" for key in metrics))
    return table


def print_order_fit(console: Console, fit: "OrderFit") -> None:
    """Print the order models side by side, then the assumptions with their verdicts, for the model that fits best."""
    table = Table(
        title=f"Order models of {fit.customers:,} customers, fitted on the log before {fit.split}", title_justify="left"
    )
    for name in ("model", "log-likelihood", "misplaced", "total, fitted days", "total, held-out days", "fit"):
        table.add_column(name, justify="left" if name in {"model", "fit"} else "right", overflow="fold")
    for name, model_fit in fit.model_fits.items():
        counts, fitted, held_out = (assumption.figures for assumption in model_fit.assumptions)
        errors = [f"{figures['off']:+z.1%}" if "off" in figures else "-" for figures in (fitted, held_out)]
        likelihood = f"{model_fit.model.log_likelihood:z,.1f}"
        table.add_row(name, likelihood, f"{counts['misplaced']:z.1%}", *errors, model_fit.model.diagnosis)
    console.print(table)
    best = max(fit.model_fits, key=lambda name: fit.model_fits[name].model.log_likelihood)
    console.print(f"{best} fits best. Assumptions of the order models:")
    for assumption in (*fit.model_fits[best].assumptions, *fit.data_assumptions):
        console.print(f"{VERDICTS[assumption.holds]:<8}  {assumption.name}: {assumption.sentence}")
