"""Rolling origins: fit every candidate on the windows closed before a past day, and evaluate it on the window after that day."""

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from features.frames.columns import CUSTOMER
from features.tables.schema import Tables
from models.churn.protocol import Candidate, ChurnModel
from models.errors import TooLittleDataError
from models.snapshot import Snapshot
from models.value.protocol import ValueCandidate
from training.data.progress import Progress, map_with_progress
from training.data.snapshots import closed_before

SILENCE_BANDS = {30: "silent to 30 days", 90: "to 90", 180: "to 180", 365: "to 365"}
LONGEST_BAND = "longer"


@dataclass(frozen=True)
class FittedCandidate:
    """A churn model as fitted for an origin, and the features of the customers it predicted, without their labels."""

    origin: date
    model: ChurnModel
    features: pl.DataFrame


@dataclass(frozen=True)
class Backtest:
    """Predictions of every candidate at every origin, and the reasons why some candidates could not be fitted.

    `frame` has one row per customer and origin, or is None where the log is too short for any origin. Its columns: customer_id
    (for resampling; it goes into no report, log or artifact), origin, churned, next_spend, the groups segment (one-time,
    repeat), loyalty_segment and silence, `p:<candidate>` and `value:<candidate>`. A value model with quantiles adds `low:` and
    `high:`, at 10 % and 90 %. `fitted` has the churn models behind it.
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
    max_origins: int,
    progress: Progress,
    value_candidates: tuple[ValueCandidate, ...] = (),
) -> Backtest:
    """Return predictions at the newest origins, one horizon apart, each with a closed window before it.

    All candidates are evaluated on the same rows, and none sees the labels of the window it predicts. A candidate that cannot
    be fitted at one of the origins is dropped, and `limits` has the reason; the key of a value candidate is `value:<name>`.
    """

    def evaluate(origin: Snapshot) -> Backtest:
        closed = closed_before(snapshots, tables, origin.as_of)
        return _evaluate_origin(origin, closed, candidates, value_candidates)

    # newest first: it has the most windows behind it and takes longest, so that all processors finish together
    newest_first = choose_origins(snapshots, max_origins)[::-1]
    parts = map_with_progress(evaluate, newest_first, progress, "backtest")[::-1]
    if not parts:
        names = [candidate.name for candidate in candidates]
        return Backtest(None, dict.fromkeys(names, "the log is too short for a backtest"))
    limits = {name: reason for part in parts for name, reason in part.limits.items()}
    frame = pl.concat([part.frame for part in parts if part.frame is not None], how="diagonal")
    fitted = [candidate for part in parts for candidate in part.fitted]
    return Backtest(frame.drop(_dropped_columns(limits), strict=False), limits, fitted)


def _evaluate_origin(
    origin: Snapshot, closed: list[Snapshot], candidates: tuple[Candidate, ...], value_candidates: tuple[ValueCandidate, ...]
) -> Backtest:
    """Return the backtest of one origin, from the snapshots closed before it."""
    limits: dict[str, str] = {}
    current = origin.features
    models = _fit_churn_models(current, closed, candidates, limits)
    p_churn = [model.p_churn(current).alias(f"p:{model.name}") for model in models]
    values = _predict_values(current, closed, value_candidates, limits)
    fitted = [FittedCandidate(origin.as_of, model, current) for model in models]
    return Backtest(_outcomes(origin).with_columns(*p_churn, *values), limits, fitted)


def _dropped_columns(limits: dict[str, str]) -> list[str]:
    values = [name.removeprefix("value:") for name in limits if name.startswith("value:")]
    return [f"p:{name}" for name in limits] + [f"{prefix}:{name}" for name in values for prefix in ("value", "low", "high")]


def choose_origins(snapshots: list[Snapshot], max_origins: int) -> list[Snapshot]:
    """Return the newest snapshots whose windows do not overlap, oldest first, each with a closed window before it."""
    chosen: list[Snapshot] = []
    for snapshot in reversed(snapshots):
        apart = not chosen or snapshot.closed_on <= chosen[-1].as_of
        if apart and len(chosen) < max_origins and snapshots[0].closed_on <= snapshot.as_of:
            chosen.append(snapshot)
    return chosen[::-1]


def _outcomes(origin: Snapshot) -> pl.DataFrame:
    """Return the customers of an origin with what is to be predicted and the groups that metrics are broken down by."""
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
    )


def _fit_churn_models(
    current: pl.DataFrame, snapshots: list[Snapshot], candidates: tuple[Candidate, ...], limits: dict[str, str]
) -> list[ChurnModel]:
    models = []
    for candidate in candidates:
        try:
            models.append(candidate.fit(snapshots, current))
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
