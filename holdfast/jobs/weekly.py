"""Steps of the weekly job that several commands share: publish scores, and issue the lists of a week."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from holdfast.jobs.session import Session, Warn, output_checker, suppressed_ids
from models.champion import Champion
from serving.lists.files import write_list
from serving.lists.weekly import WeeklyList, build_list, default_list_path, issue, plan_week
from serving.privacy.workspace_key import workspace_key
from serving.schemas.list_kind import ListKind
from serving.scoring.batch import norms_as_of, score_run
from serving.scoring.units import build_units
from serving.store.issued import IssuedList
from serving.store.publish import publish
from serving.store.runs import Run, current_run
from serving.targeting.units import unit_key
from settings.clock import utc_now


@dataclass(frozen=True)
class ScoringResult:
    """Scores, and the run they were published as.

    `run` is None for scores that were not published. `is_new` is false if the same scores were published before, as
    `run`. `current` is the current run afterwards: another one than `run` if that is as of a later date.
    """

    scores: pl.DataFrame
    run: Run | None = None
    is_new: bool = True
    current: Run | None = None


def score_session(session: Session, champion: Champion, warn: Warn, *, publish_run: bool = True) -> ScoringResult:
    """Score every customer, check the scores against their suite, and publish them if `publish_run`."""
    settings = session.settings
    store = session.store.open() if publish_run else None
    norms = norms_as_of(champion, session.tables, session.as_of)
    suppressed = suppressed_ids(settings, session.store)
    scored = score_run(settings, session.tables, champion, session.as_of, utc_now(), norms, suppressed)
    output_checker(settings, warn)("scores", scored.scores)
    if store is None:
        return ScoringResult(scored.scores)
    horizon_days, keep_weeks = champion.terms.horizon_days, settings.serving.keep_weeks
    key = unit_key(workspace_key(settings.secret_path))
    units = build_units(session.tables, scored.contacted, scored.targets["customer_id"], key)
    run = publish(store, scored.scores, horizon_days, norms, keep_weeks, scored.targets, units)
    with store.connect() as connection:
        current = current_run(connection)
    return ScoringResult(scores=scored.scores, run=run, is_new=run.scored_at == scored.scores["scored_at"][0], current=current)


@dataclass(frozen=True)
class IssuedFile:
    """A list that was issued, its rows, and the file it was written to."""

    weekly: WeeklyList
    issued: IssuedList
    rows: pl.DataFrame
    path: Path


def issue_lists(
    session: Session, issued_by: str, warn: Warn, suffixes: tuple[str, ...] = (".csv",), week: str | None = None
) -> list[IssuedFile]:
    """Issue all lists of the week from one plan, and write each in every format; `path` is the file of the first suffix."""
    settings, store = session.settings, session.store.open()
    plan = plan_week(settings, store, week)
    files = []
    for kind in ListKind:
        weekly = build_list(store, plan, kind)
        issued, rows, warnings, _ = issue(settings, store, weekly, issued_by, utc_now(), session.override)
        warn("lists", warnings)
        paths = [default_list_path(settings, weekly, issued).with_suffix(suffix) for suffix in suffixes]
        for path in paths:
            write_list(rows, weekly.churn_sentence, path)
        files.append(IssuedFile(weekly=weekly, issued=issued, rows=rows, path=paths[0]))
    return files
