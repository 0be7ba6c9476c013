"""Rolling origins: fit every candidate on what was closed before a past day, and judge it on what followed."""

from dataclasses import dataclass
from datetime import date

import polars as pl

from features.tables.schema import Tables
from models.churn_model import Candidate
from models.errors import TooLittleData
from models.snapshot import Snapshot
from models.value_baselines import VALUE_CANDIDATES
from training.snapshots import Progress, answered_before


@dataclass(frozen=True)
class Backtest:
    """Predictions of every candidate at every origin, and the limits of those that could not be fitted.

    `frame` has one row per customer and origin: origin, churned, next_spend, `p:<candidate>` and
    `value:<candidate>`; no customer id. It is None where the log is too short for any origin.
    """

    frame: pl.DataFrame | None
    limits: dict[str, str]

    @property
    def origins(self) -> list[date]:
        """The origins, oldest first."""
        return [] if self.frame is None else self.frame["origin"].unique().sort().to_list()

    def candidates(self, prefix: str) -> list[str]:
        """Names of the candidates with predictions; prefix is `p:` or `value:`."""
        columns = [] if self.frame is None else self.frame.columns
        return [column.removeprefix(prefix) for column in columns if column.startswith(prefix)]


def backtest(
    snapshots: list[Snapshot], tables: Tables, candidates: tuple[Candidate, ...], most_origins: int, progress: Progress
) -> Backtest:
    """Return predictions at the newest origins, one horizon apart, each with a closed window before it.

    A candidate that cannot be fitted at one of them takes no part, and `limits` says why: all candidates are
    judged on the same rows.
    """
    origins = _origins(snapshots, most_origins)
    limits: dict[str, str] = {}
    parts = []
    for done, origin in enumerate(origins):
        progress("backtest", done, len(origins))
        parts.append(_judged(origin, answered_before(snapshots, tables, origin.as_of), candidates, limits))
    progress("backtest", len(origins), len(origins))
    if not parts:
        return Backtest(None, dict.fromkeys([c.name for c in candidates], "the log is too short for a backtest"))
    return Backtest(pl.concat(parts, how="diagonal").drop([f"p:{name}" for name in limits], strict=False), limits)


def _origins(snapshots: list[Snapshot], most: int) -> list[Snapshot]:
    """Pick from the newest backwards, so that no two windows overlap."""
    chosen: list[Snapshot] = []
    for snapshot in reversed(snapshots):
        apart = not chosen or snapshot.closed_on <= chosen[-1].as_of
        if apart and len(chosen) < most and snapshots[0].closed_on <= snapshot.as_of:
            chosen.append(snapshot)
    return chosen[::-1]


def _judged(origin: Snapshot, history: list[Snapshot], candidates: tuple[Candidate, ...], limits: dict[str, str]) -> pl.DataFrame:
    columns: list[pl.Expr | str] = [pl.lit(origin.as_of).alias("origin"), pl.col("churned").cast(pl.Float64), "next_spend"]
    values = [value().alias(f"value:{name}") for name, value in VALUE_CANDIDATES.items()]
    predictions = []
    for candidate in candidates:
        try:
            model = candidate.fit(history)
        except TooLittleData as error:
            limits[candidate.name] = str(error)
            continue
        predictions.append(model.p_churn(origin.frame).alias(f"p:{candidate.name}"))
    return origin.frame.select(*columns, *values).with_columns(predictions)
