"""Trials behind a list: those of the champion that scored it, and the columns they add to the rows of a file."""

import polars as pl

from models.champion import read_responses, read_track_record
from models.track_record import TrackRecord
from serving.targeting.evidence import EVIDENCE_COLUMNS, Trial, Trials, Verdict, trials_of, verdicts_of, with_evidence
from settings.sections import Settings


def run_trials(settings: Settings, model_version: str) -> dict[str, Trial]:
    """Return the trials of the configured actions, which the champion of that version has; none if its files are gone."""
    return trials_of(read_responses(settings.workspace.path / "champion", model_version), settings.targeting.actions)


def run_record(settings: Settings, model_version: str) -> TrackRecord | None:
    """Return how well the champion of that version did on past days; None if that is not known."""
    return read_track_record(settings.workspace.path / "champion", model_version)


def row_evidence(listed: pl.DataFrame, trials: Trials) -> pl.DataFrame:
    """Return `rank` and EVIDENCE_COLUMNS of all rows of a list, from its rank, arm and LISTED_COLUMNS."""
    verdicts = verdicts_of(listed.filter(arm="treated"), trials)
    return with_evidence(listed, trials, verdicts).select("rank", *EVIDENCE_COLUMNS)


def add_evidence(rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """Return rows of a list (LIST_COLUMNS), as files have them: with EVIDENCE_COLUMNS from `row_evidence`."""
    return rows.join(evidence, on="rank", how="left", maintain_order="left")


def is_assumed(rows: pl.DataFrame) -> bool:
    """Return whether the gain of written rows to act on must not be stated as one exact figure (`Evidence.is_assumed`)."""
    return not rows["evidence"].drop_nulls().is_in([Verdict.MEASURED.value, Verdict.SUPPORTED.value]).all()


def gain_bounds(rows: pl.DataFrame) -> tuple[float, float] | None:
    """Return the sums of gains at either end of the measured effects; None if no trial is about the rows."""
    if rows["gain_low"].drop_nulls().is_empty():
        return None
    sums = rows.select(pl.coalesce(name, "expected_gain").sum() for name in ("gain_low", "gain_high"))
    return sums.row(0)
