"""Rolling origins: fit every candidate on the windows closed before a past day, and evaluate it on the window after that day."""

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from features.frames.columns import CUSTOMER
from features.tables.schema import Tables
from models.churn.fit_cache import FITS
from models.churn.protocol import Candidate, ChurnModel
from models.errors import TooLittleDataError
from models.snapshot import Snapshot, windows_apart
from models.value.protocol import ValueCandidate
from settings.errors import UserError
from training.contestants import ALWAYS, Contestants
from training.data.progress import Progress, map_with_progress
from training.data.snapshots import closed_before
from training.evaluation.backtest_result import Backtest, FittedCandidate
from training.evaluation.halving import FIRST_ORIGINS, clearly_behind

SILENCE_BANDS = {30: "silent to 30 days", 90: "to 90", 180: "to 180", 365: "to 365"}
LONGEST_BAND = "longer"


class SegmentError(UserError):
    """The configuration names a column to group metrics by that there is not."""


def backtest(snapshots: list[Snapshot], tables: Tables, contestants: Contestants, progress: Progress) -> Backtest:
    """Return predictions at the newest origins, one horizon apart, each with a closed window before it if there is such a day.

    In a log too short for one, candidates that learn from no window are evaluated on the windows there are. No candidate sees
    the labels of the window it predicts. A candidate that cannot be fitted at an origin has nulls there. Where that is every
    origin, `limits` has the newest reason; the key of a value candidate is `value:<name>`. Candidates that are clearly behind at
    the two newest origins are not fitted at the older ones.
    """
    origins = choose_origins(snapshots, contestants.origins) or windows_apart(snapshots, contestants.origins)
    if not origins:
        names = [candidate.name for candidate in contestants.churn]
        return Backtest(None, dict.fromkeys(names, "the log is too short for a backtest"))

    def evaluate(part: Sequence[Snapshot], taking_part: Contestants, done: int) -> list[Backtest]:
        """Return the backtests of a part of the origins; newest first, because these take longest."""

        def evaluate_origin(origin: Snapshot) -> Backtest:
            return _evaluate_origin(origin, closed_before(snapshots, tables, origin.as_of), taking_part)

        def report(stage: str, done_of_part: int, _part: int) -> None:
            progress(stage, done + done_of_part, len(origins))

        return map_with_progress(evaluate_origin, part[::-1], report, "backtest")[::-1]

    older, newest = origins[:-FIRST_ORIGINS], origins[-FIRST_ORIGINS:]
    first = _concat(evaluate(newest, contestants, 0))
    if not older:
        return first
    behind = clearly_behind(first, ALWAYS)
    rest = evaluate(older, contestants.without(behind), len(newest))
    return replace(_concat([*rest, first]), behind=tuple(sorted(behind)))


def _concat(parts: list[Backtest]) -> Backtest:
    """Return one backtest of several, oldest first."""
    limits = {name: reason for part in parts for name, reason in part.limits.items()}
    frame = pl.concat([part.frame for part in parts if part.frame is not None], how="diagonal")
    fitted = [candidate for part in parts for candidate in part.fitted]
    never = {name: reason for name, reason in limits.items() if _column(name) not in frame.columns}
    return Backtest(frame, never, fitted)


def _evaluate_origin(origin: Snapshot, closed: list[Snapshot], contestants: Contestants) -> Backtest:
    """Return the backtest of one origin, from the snapshots closed before it."""
    limits: dict[str, str] = {}
    current = origin.features
    models = _fit_churn_models(current, closed, contestants.churn, limits)
    p_churn = [model.p_churn(current).alias(f"p:{model.name}") for model in models]
    values = _predict_values(current, closed, contestants.value, limits)
    fitted = [FittedCandidate(origin.as_of, model, current) for model in models]
    return Backtest(_outcomes(origin, contestants.segments).with_columns(*p_churn, *values), limits, fitted)


def _column(limited: str) -> str:
    """Return the column of a candidate by its key in the limits."""
    return limited if limited.startswith("value:") else f"p:{limited}"


def choose_origins(snapshots: list[Snapshot], max_origins: int) -> list[Snapshot]:
    """Return the newest snapshots whose windows do not overlap, oldest first, each with a closed window before it."""
    return windows_apart([snapshot for snapshot in snapshots if snapshots[0].closed_on <= snapshot.as_of], max_origins)


def _outcomes(origin: Snapshot, segments: tuple[str, ...]) -> pl.DataFrame:
    """Return the customers of an origin with what is to be predicted and the groups that metrics are broken down by."""
    unknown = sorted(set(segments) - set(origin.frame.columns))
    if unknown:
        raise SegmentError(f"training.segments names {unknown[0]!r}, which is no column of the features (docs/features.md).")
    own = [pl.col(name).cast(pl.String).alias(segment_column(name)) for name in segments]
    segment = pl.when(pl.col("frequency") > 0).then(pl.lit("repeat buyers")).otherwise(pl.lit("one-time buyers"))
    bands = (pl.when(pl.col("recency_days") <= days).then(pl.lit(band)) for days, band in SILENCE_BANDS.items())
    return origin.frame.select(
        CUSTOMER,
        pl.lit(origin.as_of).alias("origin"),
        pl.col("churned").cast(pl.Float64),
        "next_spend",
        segment.alias("segment"),
        "loyalty_segment",
        pl.coalesce(*bands, pl.lit(LONGEST_BAND)).alias("silence"),
        *own,
    )


def segment_column(name: str) -> str:
    """Return the column of the backtest that has the values of a feature by which metrics are grouped."""
    return f"by:{name}"


def _fit_churn_models(
    current: pl.DataFrame, snapshots: list[Snapshot], candidates: tuple[Candidate, ...], limits: dict[str, str]
) -> list[ChurnModel]:
    models = []
    for candidate in candidates:
        try:
            models.append(FITS.fit(candidate, snapshots, current))
        except TooLittleDataError as error:
            limits[candidate.name] = str(error)
    return models


def _predict_values(
    current: pl.DataFrame, snapshots: list[Snapshot], candidates: tuple[ValueCandidate, ...], limits: dict[str, str]
) -> list[pl.Series]:
    columns = []
    for candidate in candidates:
        try:
            model = candidate.fit(snapshots, current)
        except TooLittleDataError as error:
            limits[f"value:{candidate.name}"] = str(error)
            continue
        columns.append(model.expected(current).alias(f"value:{candidate.name}"))
        for prefix, level in (("low", 0.1), ("high", 0.9)):
            quantile = model.quantile(current, level)
            columns += [] if quantile is None else [quantile.alias(f"{prefix}:{candidate.name}")]
    return columns
