"""The printed summary: differences from the best peer per log and pooled, intervals, calibration and dates of the next order."""

from collections.abc import Sequence

from benchmarks.logs.figures import pool
from benchmarks.logs.page import LogFigures, formatted


def print_tables(figures: Sequence[LogFigures]) -> None:
    """Print Markdown tables, holdout and all origins."""
    for scope in ("holdout", "all origins"):
        print(f"\n## Served against the best peer of each metric, {scope}\n")
        print("| log | rows | churned | champion | log-loss | AUC | deviance | Gini |\n|---|---|---|---|---|---|---|---|")
        for log in figures:
            part = log.parts[scope]
            cells = " | ".join(formatted(difference) for difference in part.differences)
            print(f"| {log.name} | {part.rows:,} | {part.churned:.3f} | {part.champions} | {cells} |")
        for pooled in log_pools(figures, scope):
            print(pooled)
    print("\n## AUC within days, served less the best peer; all origins\n")
    for log in figures:
        difference, low, high, peer = log.auc_within
        print(f"{log.name}: {difference:+.4f} [{low:+.4f}, {high:+.4f}] ({peer})")
    print("\n## Intervals, calibration, next order; all origins\n")
    print("| log | group | rows | above value_high | below value_low | calibration beyond chance | mean p | churned |")
    print("|---|---|---|---|---|---|---|---|")
    for log in figures:
        for row in log.groups:
            numbers = " | ".join(f"{row[key]:.3f}" for key in ("above_high", "below_low", "beyond_chance", "mean_p", "churned"))
            print(f"| {log.name} | {row['group']} | {row['rows']:,} | {numbers} |")
    print("\n| log | with a date | ordered by the 10 % date | 50 % | 90 % | rows |\n|---|---|---|---|---|---|")
    for log in figures:
        dates = log.next_order
        shares = " | ".join(f"{dates[key]:.3f}" for key in ("dated", "next_order_low", "next_order_date", "next_order_high"))
        print(f"| {log.name} | {shares} | {dates['next_order_date_rows']:,.0f} |")


def log_pools(figures: Sequence[LogFigures], scope: str) -> list[str]:
    """Return a sentence per metric over all logs."""
    return [
        f"pooled {p.metric}: {'x' if p.is_ratio else ''}{p.mean:{'' if p.is_ratio else '+'}.4f} [{p.low:.4f}, {p.high:.4f}]"
        for p in pool([log.parts[scope].differences for log in figures])
    ]
