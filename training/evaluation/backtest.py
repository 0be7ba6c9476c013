"""Rolling origins: fit every candidate on what was closed before a past day, and judge it on what followed."""

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from features.tables.schema import Tables
from models.churn.protocol import Candidate, ChurnModel
from models.errors import TooLittleDataError
from models.snapshot import Snapshot
from models.value.protocol import ValueCandidate
from training.data.snapshots import Progress, answered_before

SILENT_FOR = {30: "silent to 30 days", 90: "to 90", 180: "to 180", 365: "to 365"}
LONGER = "longer"


@dataclass(frozen=True)
class FittedCandidate:
    """A churn model as it was fitted for an origin, and the customers that it was asked about, without the answers."""

    origin: date
    model: ChurnModel
    asked: pl.DataFrame


@dataclass(frozen=True)
class Backtest:
    """Predictions of every candidate at every origin, and the limits of those that could not be fitted.

    `frame` has one row per customer and origin: origin, churned, next_spend, the groups segment (one-time, repeat),
    loyalty_segment and silence, `p:<candidate>` and `value:<candidate>`, and where a value model has a spread `low:` and
    `high:`, its 10 % and 90 % quantiles; no customer id. It is None where the log is too short for any origin. `fitted` are
    the churn models behind it.
    """

    frame: pl.DataFrame | None
    limits: dict[str, str]
    fitted: list[FittedCandidate] = field(default_factory=list)

    @property
    def origins(self) -> list[date]:
        """The origins, oldest first."""
        return [] if self.frame is None else self.frame["origin"].unique().sort().to_list()

    def candidates(self, prefix: str) -> list[str]:
        """Names of the candidates with predictions; prefix is `p:` or `value:`."""
        columns = [] if self.frame is None else self.frame.columns
        return [column.removeprefix(prefix) for column in columns if column.startswith(prefix)]


def backtest(
    snapshots: list[Snapshot],
    tables: Tables,
    candidates: tuple[Candidate, ...],
    most_origins: int,
    progress: Progress,
    values: tuple[ValueCandidate, ...] = (),
) -> Backtest:
    """Return predictions at the newest origins, one horizon apart, each with a closed window before it.

    A candidate that cannot be fitted at one of them takes no part, and `limits` says why: all candidates are
    judged on the same rows, and none is handed the answers to what it is asked. A value candidate stands there as `value:<name>`.
    """
    origins = origins_of(snapshots, most_origins)
    limits: dict[str, str] = {}
    parts, fitted = [], []
    for done, origin in enumerate(origins):
        progress("backtest", done, len(origins))
        earlier = answered_before(snapshots, tables, origin.as_of)
        current = origin.asked
        churn = _churn(current, earlier, candidates, limits)
        foretold = [model.p_churn(current).alias(f"p:{model.name}") for model in churn]
        fitted += [FittedCandidate(origin.as_of, model, current) for model in churn]
        parts.append(_asked(origin).with_columns(*foretold, *_values(current, earlier, values, limits)))
    progress("backtest", len(origins), len(origins))
    if not parts:
        names = [candidate.name for candidate in candidates]
        return Backtest(None, dict.fromkeys(names, "the log is too short for a backtest"))
    return Backtest(pl.concat(parts, how="diagonal").drop(_columns_of(limits), strict=False), limits, fitted)


def _columns_of(limits: dict[str, str]) -> list[str]:
    valued = [name.removeprefix("value:") for name in limits if name.startswith("value:")]
    return [f"p:{name}" for name in limits] + [f"{prefix}:{name}" for name in valued for prefix in ("value", "low", "high")]


def origins_of(snapshots: list[Snapshot], most: int) -> list[Snapshot]:
    """Return the newest snapshots whose windows do not overlap, oldest first, each with a closed window before it."""
    chosen: list[Snapshot] = []
    for snapshot in reversed(snapshots):
        apart = not chosen or snapshot.closed_on <= chosen[-1].as_of
        if apart and len(chosen) < most and snapshots[0].closed_on <= snapshot.as_of:
            chosen.append(snapshot)
    return chosen[::-1]


def _asked(origin: Snapshot) -> pl.DataFrame:
    """What was to be foretold, and in which groups it is looked at."""
    again = pl.when(pl.col("frequency") > 0).then(pl.lit("repeat buyers")).otherwise(pl.lit("one-time buyers"))
    answers = (pl.col("churned").cast(pl.Float64), pl.col("next_spend"))
    bands = (pl.when(pl.col("recency_days") <= days).then(pl.lit(band)) for days, band in SILENT_FOR.items())
    silent = pl.coalesce(*bands, pl.lit(LONGER)).alias("silence")
    return origin.frame.select(pl.lit(origin.as_of).alias("origin"), *answers, again.alias("segment"), "loyalty_segment", silent)


def _churn(
    current: pl.DataFrame, snapshots: list[Snapshot], candidates: tuple[Candidate, ...], limits: dict[str, str]
) -> list[ChurnModel]:
    found = []
    for candidate in candidates:
        try:
            found.append(candidate.fit(snapshots, current))
        except TooLittleDataError as error:
            limits[candidate.name] = str(error)
    return found


def _values(
    current: pl.DataFrame, snapshots: list[Snapshot], candidates: tuple[ValueCandidate, ...], limits: dict[str, str]
) -> list[pl.Series]:
    found = []
    for candidate in candidates:
        try:
            model = candidate.fit(snapshots, current)
        except TooLittleDataError as error:
            limits[f"value:{candidate.name}"] = str(error)
            continue
        found.append(model.expected(current).alias(f"value:{candidate.name}"))
        for name, at in (("low", 0.1), ("high", 0.9)):
            quantile = model.quantile(current, at)
            found += [] if quantile is None else [quantile.alias(f"{name}:{candidate.name}")]
    return found
