"""Value candidates: expected net spend in the next H days, from a snapshot's own columns."""

from collections.abc import Callable

import polars as pl

BASELINE = "same_as_last_period"

VALUE_CANDIDATES: dict[str, Callable[[], pl.Expr]] = {
    BASELINE: lambda: pl.col("last_spend").clip(lower_bound=0),
    "bgnbd_gamma_gamma": lambda: pl.col("btyd_expected_orders") * pl.col("btyd_expected_spend"),
}
