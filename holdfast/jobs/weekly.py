"""Steps of the weekly job that several commands share: publish scores, and issue the lists of a week."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from expectations.check import Measure
from expectations.measures.publication import as_of_measure, jump_measures
from features.storage.hashing import derive_key
from holdfast.jobs.session import Session, Warn, output_checker, suppressed_ids
from models.champion import Champion
from serving.lists.files import write_list
from serving.lists.issuing import default_list_path, issue
from serving.lists.replacement import find_replacement
from serving.lists.weekly import WeeklyList, build_list, plan_week
from serving.privacy.merged_customers import follow_objections
from serving.privacy.workspace_key import IDENTITY, workspace_secret
from serving.privacy.workspace_store import record_use
from serving.schemas.list_kind import ListKind
from serving.scoring.batch import norms_as_of
from serving.scoring.details import customer_details
from serving.scoring.in_parts import score_in_parts
from serving.scoring.units import build_units
from serving.store.details import detail_names, join_details
from serving.store.lists.issued import IssuedList
from serving.store.lists.precedence import counting_sentence, effective_list
from serving.store.publish import publish
from serving.store.runs import Run, find_current_run, read_current_run, read_run_summary
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


def score_session(
    session: Session, champion: Champion, warn: Warn, *, publish_run: bool = True, parts: int | None = None
) -> ScoringResult:
    """Score every customer, check the scores against their suite, and publish them if `publish_run`.

    With many customers, or several `parts`, one part of them after the other is scored, to use less memory.
    To be published, the as-of date must be within the rhythm of the orders, and the scores near those of the current run, unless
    the session has an override.
    """
    settings = session.settings
    store = session.store.open() if publish_run else None
    if store is not None:
        follow_objections(settings, store, utc_now(), "merged customers")
    norms = norms_as_of(champion, session.tables, session.as_of)
    suppressed = suppressed_ids(settings, session.store)
    scored = score_in_parts(settings, session.tables, champion, session.as_of, utc_now(), norms, suppressed, parts)
    measures = {} if store is None else _publication_measures(session, store, scored.scores)
    output_checker(settings, warn, session.override)("scores", scored.scores, measures)
    if store is None:
        return ScoringResult(scored.scores)
    horizon_days, keep_weeks = champion.terms.horizon_days, settings.serving.keep_weeks
    secret = workspace_secret(settings.secret_path, store)
    identity = derive_key(IDENTITY, secret)
    units = build_units(session.tables, scored.contacted, scored.targets["customer_id"], unit_key(secret))
    details = _published_details(session, scored.scores)
    run = publish(store, scored.scores, horizon_days, norms, keep_weeks, scored.targets, units, identity, details)
    record_use(settings, store)
    is_new = run.scored_at == scored.scores["scored_at"][0]
    return ScoringResult(scores=scored.scores, run=run, is_new=is_new, current=read_current_run(store))


def _published_details(session: Session, scores: pl.DataFrame) -> pl.DataFrame | None:
    """Return the details of customers with a score; of those who objected or have none, nothing is stored."""
    details, scored = customer_details(session.tables), scores.filter(pl.col("no_score_reason").is_null())
    return None if details is None else details.join(scored, on="customer_id", how="semi", maintain_order="left")


def _publication_measures(session: Session, store: sa.Engine, scores: pl.DataFrame) -> dict[str, Measure]:
    """Return the measures that decide whether a run may become current."""
    measures, current = as_of_measure(session.rhythm, scores), find_current_run(store)
    if current is None or current.as_of > session.as_of:
        return measures
    return measures | jump_measures(scores, read_run_summary(store, current))


@dataclass(frozen=True)
class IssuedFile:
    """A list that was issued, its rows, the file it was written to, and the sentence on which list counts."""

    weekly: WeeklyList
    issued: IssuedList
    rows: pl.DataFrame
    path: Path
    counting: str


def issue_lists(
    session: Session,
    issued_by: str,
    warn: Warn,
    suffixes: tuple[str, ...] = (".csv",),
    week: str | None = None,
    *,
    details: bool = False,
) -> list[IssuedFile]:
    """Issue all lists of the week from one plan, and write each in every format; `path` is the file of the first suffix.

    With `details`, the files have those of the customers.
    """
    settings, store = session.settings, session.store.open()
    plan = plan_week(settings, store, week)
    names = detail_names(store, plan.run.run_id) if details else []
    files = []
    for kind in ListKind:
        weekly = build_list(store, plan, kind)
        replacement = find_replacement(store, weekly)
        issued, rows, warnings, _ = issue(settings, store, weekly, issued_by, utc_now(), session.override)
        warn("lists", warnings)
        paths = [default_list_path(settings, weekly, issued).with_suffix(suffix) for suffix in suffixes]
        written = join_details(store, plan.run.run_id, weekly.as_written(rows), names)
        for path in paths:
            write_list(written, weekly.head_sentence, path, settings.value.currency)
        counting = counting_sentence(issued, effective_list(store, kind, weekly.week))
        if replacement is not None:
            counting += f" It replaces a list that was acted on: {replacement.sentence}. Its customers stay paused."
        files.append(IssuedFile(weekly=weekly, issued=issued, rows=rows, path=paths[0], counting=counting))
    return files
