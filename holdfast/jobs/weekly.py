"""The parts of the weekly job that commands share: publish a run of scores, issue a week's lists."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from expectations.validation.tables import utc_now
from features.storage.hashing import NO_IDS, HashedIds
from holdfast.jobs.session import Session, Warn, output_checker
from models.champion import Champion
from serving.lists.files import write_list
from serving.lists.weekly import WeeklyList, default_path, issue, list_of, plan_week
from serving.schemas.list_kind import ListKind
from serving.scoring.batch import norms_as_of, score_run
from serving.store.issued import IssuedList
from serving.store.publish import publish
from serving.store.runs import Run, current_run


@dataclass(frozen=True)
class Published:
    """Scores, the run they were published as (None: they were not), whether it is new, and the run that is current."""

    scores: pl.DataFrame
    run: Run | None = None
    is_new: bool = True
    current: Run | None = None


def publish_scores(
    session: Session, champion: Champion, store: sa.Engine | None, warn: Warn, suppressed: HashedIds = NO_IDS
) -> Published:
    """Score every customer, hold the scores against their suite, and publish them; without a store they are only returned."""
    settings = session.settings
    norms = norms_as_of(champion, session.tables, session.as_of)
    found = score_run(settings, session.tables, champion, session.as_of, utc_now(), norms, suppressed)
    output_checker(settings, warn)("scores", found.scores)
    if store is None:
        return Published(found.scores)
    horizon, keep = champion.terms.horizon_days, settings.serving.keep_weeks
    run = publish(store, found.scores, horizon, norms, keep, found.targets)
    with store.connect() as connection:
        newest = current_run(connection)
    return Published(found.scores, run, run.scored_at == found.scores["scored_at"][0], newest)


@dataclass(frozen=True)
class IssuedFile:
    """A list that was issued, with its rows, and the file it was written to."""

    weekly: WeeklyList
    issued: IssuedList
    rows: pl.DataFrame
    path: Path


def issue_lists(
    session: Session, store: sa.Engine, issued_by: str, warn: Warn, endings: tuple[str, ...] = (".csv",), week: str | None = None
) -> list[IssuedFile]:
    """Issue all lists of the week from one plan, and write each below the workspace; the path is that of the first ending."""
    settings = session.settings
    plan, check = plan_week(settings, store, week), output_checker(settings, warn)
    done = []
    for kind in ListKind:
        weekly = list_of(store, plan, kind)
        check("lists", weekly.frame)
        issued, rows = issue(store, weekly, issued_by, utc_now())
        paths = [default_path(settings, weekly, issued).with_suffix(ending) for ending in endings]
        for path in paths:
            write_list(rows, weekly.churn_sentence, path)
        done.append(IssuedFile(weekly, issued, rows, paths[0]))
    return done
