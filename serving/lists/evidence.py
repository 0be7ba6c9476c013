"""Trials behind a list: those of the champion that scored it, and the columns they add to the rows of a file."""

import polars as pl

from models.champion import read_responses
from serving.targeting.evidence import EVIDENCE_COLUMNS, Trial, Trials, trials_of, verdicts_of, with_evidence
from settings.sections import Settings


def run_trials(settings: Settings, model_version: str) -> dict[str, Trial]:
    """Return the trials of the configured actions, which the champion of that version has; none if its files are gone."""
    return trials_of(read_responses(settings.workspace.path / "champion", model_version), settings.targeting.actions)


def row_evidence(listed: pl.DataFrame, trials: Trials) -> pl.DataFrame:
    """Return `rank` and EVIDENCE_COLUMNS of all rows of a list, from its rank, arm and LISTED_COLUMNS."""
    verdicts = verdicts_of(listed.filter(arm="treated"), trials)
    return with_evidence(listed, trials, verdicts).select("rank", *EVIDENCE_COLUMNS)


def add_evidence(rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
    """Return rows of a list (LIST_COLUMNS), as files have them: with EVIDENCE_COLUMNS from `row_evidence`."""
    return rows.join(evidence, on="rank", how="left", maintain_order="left")
