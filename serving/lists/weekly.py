"""The weekly lists: which customers to act on and with what, by expected gain."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from expectations.check import Finding
from expectations.validation.outputs import check_output
from expectations.validation.stopped import OverrideRequest, refuse_stopped_tables
from serving.lists.changes import compare_with_previous_list
from serving.lists.evidence import add_evidence, row_evidence, run_trials
from serving.lists.reasons import list_reason_columns
from serving.lists.summary import summarize_list
from serving.privacy.objections import withheld_ids
from serving.privacy.workspace_key import identity_key, workspace_secret
from serving.schemas.iso_weeks import list_start, sunday_of, week_of
from serving.schemas.list_kind import TARGET_BY_KIND, ListKind, list_id, list_name
from serving.schemas.lists import EXPECTED_COLUMNS, LIST_COLUMNS
from serving.store.issued import (
    IssuedList,
    by_precedence,
    churn_sentence,
    earlier_rows,
    head_sentence,
    issue_again,
    issued_lists,
    next_issue_order,
    store_list,
)
from serving.store.read import current_actions
from serving.store.runs import Run
from serving.store.targets import read_targets
from serving.store.units import read_units
from serving.store.withheld import Withheld
from serving.targeting.choice import NO_ACTION
from serving.targeting.evidence import Trials, trials_from_json
from serving.targeting.plan import ListBounds, Plan, PlanInputs, make_plan
from serving.targeting.units import links_of_rows
from settings.errors import UserError
from settings.sections import Settings


class ListRefusedError(UserError):
    """The list cannot be made as requested: an invalid budget or week, an unknown file type, or scores with unknown actions."""


@dataclass(frozen=True)
class WeeklyPlan:
    """The decisions for all lists of a week, from one run, and the trials that the run's champion was trained with."""

    settings: Settings
    run: Run
    week: str
    plan: Plan
    trials: Trials = field(default_factory=dict)


@dataclass(frozen=True)
class WeeklyList:
    """A list that may be issued.

    `frame` has LIST_COLUMNS, `expected` EXPECTED_COLUMNS of the same rows, `links` what belongs to their units (`links_of_rows`),
    `summary` the figures. `row_limit` and `budget` are the bounds of the request, None where the configuration decides.
    """

    kind: ListKind
    week: str
    run: Run
    frame: pl.DataFrame
    expected: pl.DataFrame
    links: pl.DataFrame
    summary: dict[str, Any]
    row_limit: int | None = None
    budget: float | None = None

    @property
    def list_id(self) -> str:
        """The list id in every row."""
        return list_id(self.kind, self.week, self.run.run_id)

    @property
    def churn_sentence(self) -> str:
        """The meaning of p_churn, in words."""
        return churn_sentence(self.run.horizon_days, self.run.as_of)

    @property
    def head_sentence(self) -> str:
        """The meaning of p_churn and of the expected gain, in words: the head of a file."""
        return head_sentence(self.churn_sentence, self.summary)

    def as_written(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return rows of the list (LIST_COLUMNS) as files have them, with EVIDENCE_COLUMNS."""
        listed = self.frame.hstack(self.expected.select("action_cost", "averted"))
        return add_evidence(rows, row_evidence(listed, trials_from_json(self.summary["evidence"]["trials"])))

    @cached_property
    def content(self) -> str:
        """A hash of the rows without their list id, equal for lists with equal rows."""
        return str(self.frame.drop("list_id").hash_rows(seed=1).implode().hash(seed=self.frame.height)[0])


def make_list(
    settings: Settings,
    engine: sa.Engine,
    kind: ListKind,
    week: str | None = None,
    limit: int | None = None,
    budget: float | None = None,
) -> WeeklyList:
    """Return the list of one kind from the current run, by default of the week of its as-of date.

    Rows are ordered by expected gain, ties by customer; the rules of `serving.targeting` decide who is on the list. `budget`
    (default: the configured one) buys the largest gains that it can, and `limit` keeps the first rows. The control group is drawn
    before both, is the same whenever a week's list is made, and costs nothing.

    Raises ListRefusedError for a budget below 0, WeekError for an invalid week, NoRunError before the first published run.
    """
    if budget is not None and budget < 0:
        raise ListRefusedError(f"The budget should be 0 or more, found {budget:g}.")
    weekly = plan_week(settings, engine, week, {kind: ListBounds(settings.targeting.budget if budget is None else budget, limit)})
    return build_list(engine, weekly, kind, limit, budget)


def refuse_no_contacts(weekly: WeeklyList) -> None:
    """Raise ListRefusedError for a budget of the request that buys no contact: there would be nothing to act on."""
    if weekly.budget is not None and weekly.summary["treated"] == 0:
        raise ListRefusedError(f"A budget of {weekly.budget:g} buys no contact, so nothing was issued. Give a larger --budget.")


def plan_week(
    settings: Settings, engine: sa.Engine, week: str | None = None, bounds: dict[ListKind, ListBounds] | None = None
) -> WeeklyPlan:
    """Plan all lists of a week together from the current run, by default of the week of its as-of date.

    `bounds` replaces the configured budget for single lists. Raises ListRefusedError for a week before the data.
    """
    _refuse_unknown_actions(settings, engine)
    run, customers = read_targets(engine)
    planned_week, targeting = week or week_of(run.as_of), settings.targeting
    if sunday_of(planned_week) < run.as_of:
        raise ListRefusedError(f"The week {planned_week} ends before the as-of date of the scores, {run.as_of}.")
    list_bounds = {kind: ListBounds(targeting.budget) for kind in ListKind} | (bounds or {})
    today = list_start(planned_week, run.as_of)
    inputs = PlanInputs(
        targeting=targeting,
        key=workspace_secret(settings.secret_path, engine),
        draws={TARGET_BY_KIND[kind]: list_name(kind, planned_week) for kind in ListKind},
        bounds={TARGET_BY_KIND[kind]: list_bounds[kind] for kind in ListKind},
        control_hold_days=targeting.control_hold_days or run.horizon_days,
    )
    earlier = earlier_rows(engine, planned_week, today, targeting.pause_days, targeting.control_hold_days)
    withheld, units = withheld_ids(settings, engine, *Withheld).holds(), read_units(engine, run.run_id)
    trials = run_trials(settings, run.model_version)
    return WeeklyPlan(settings, run, planned_week, make_plan(customers, earlier, withheld, inputs, units), trials)


def build_list(
    engine: sa.Engine, weekly: WeeklyPlan, kind: ListKind, limit: int | None = None, budget: float | None = None
) -> WeeklyList:
    """Return one list of a plan; `limit` and `budget` are the bounds of the request, which the plan has applied."""
    plan, run, week, target = weekly.plan, weekly.run, weekly.week, TARGET_BY_KIND[kind]
    candidates = plan.frame.filter(pl.col("target") == target.value)
    listed = candidates.filter(pl.col("left_out").is_null()).sort("expected_gain", "customer_id", descending=[True, False])
    changes = compare_with_previous_list(engine, run, plan.frame, kind, week)
    return WeeklyList(
        kind=kind,
        week=week,
        run=run,
        frame=_list_columns(listed, list_id(kind, week, run.run_id), week, run, sunday_of(week)),
        expected=listed.select(pl.col(name).cast(dtype) for name, dtype in EXPECTED_COLUMNS.items()),
        links=links_of_rows(listed, plan.links),
        summary=summarize_list(plan, target, listed, candidates, weekly.settings, weekly.trials) | {"changes": changes},
        row_limit=limit,
        budget=budget,
    )


class Issue(NamedTuple):
    """An issued list and its rows, the failed checks that only warn, and whether this call issued it."""

    issued: IssuedList
    rows: pl.DataFrame
    warnings: list[Finding]
    is_new: bool


def issue(
    settings: Settings,
    engine: sa.Engine,
    weekly: WeeklyList,
    issued_by: str,
    now: datetime,
    override: OverrideRequest | None = None,
) -> Issue:
    """Check a list and store it, or find the one issued before with the same rows from the same run, which then counts again.

    An issued list never changes. Another list of the same run, kind and week gets a number at the end of its id. Customers who
    objected or were erased since the plan are not in the returned rows. Raises
    TableStoppedError if the newest check stopped a table, unless there is an `override`, and OutputRefusedError if a check stops
    the list.
    """
    warnings: list[Finding] | None = None
    while True:
        existing = issued_lists(engine, weekly.kind, weekly.week)
        same = (issued for issued in existing if (issued.content, issued.run_id) == (weekly.content, weekly.run.run_id))
        equal_list = next(same, None)
        if equal_list is not None:
            if by_precedence(existing)[0] != equal_list:
                equal_list = issue_again(engine, equal_list, next_issue_order(existing), issued_by, now)
            return Issue(equal_list, _issued_rows(settings, engine, weekly, equal_list.list_id), [], is_new=False)
        if warnings is None:
            refuse_stopped_tables(settings, override)
            warnings = check_output(settings, "lists", weekly.frame.lazy(), now, about=f"{weekly.kind} list of {weekly.week}")
        issued = _new_issued_list(weekly, existing, issued_by, now)
        frame = _with_list_id(weekly.frame, issued.list_id)
        try:
            identity = identity_key(settings.secret_path, engine)
            store_list(engine, issued, frame.hstack(weekly.expected), weekly.links, identity)
        except IntegrityError:  # another process issued a list of this id in the meantime
            continue
        return Issue(issued, _issued_rows(settings, engine, weekly, issued.list_id), warnings, is_new=True)


def _new_issued_list(weekly: WeeklyList, existing: list[IssuedList], issued_by: str, now: datetime) -> IssuedList:
    run, existing_ids = weekly.run, {issued.list_id for issued in existing}
    ids = (list_id(weekly.kind, weekly.week, run.run_id, version) for version in count(1))
    return IssuedList(
        list_id=next(new_id for new_id in ids if new_id not in existing_ids),
        number=len(existing) + 1,
        kind=weekly.kind,
        week=weekly.week,
        run_id=run.run_id,
        data_as_of=run.as_of,
        model_version=run.model_version,
        horizon_days=run.horizon_days,
        row_limit=weekly.row_limit,
        budget=weekly.budget,
        content=weekly.content,
        rows=weekly.frame.height,
        issued_at=now,
        issued_by=issued_by,
        summary=json.dumps(weekly.summary),
        issue_order=next_issue_order(existing),
    )


def _issued_rows(settings: Settings, engine: sa.Engine, weekly: WeeklyList, list_id: str) -> pl.DataFrame:
    """Return the rows as they may be used now."""
    return _with_list_id(weekly.frame, list_id).filter(~withheld_ids(settings, engine, *Withheld).holds())


def _with_list_id(frame: pl.DataFrame, list_id: str) -> pl.DataFrame:
    return frame.with_columns(pl.lit(list_id).alias("list_id"))


def _refuse_unknown_actions(settings: Settings, engine: sa.Engine) -> None:
    """Raise ListRefusedError if the scores name an action that is not configured: its customers would be missing."""
    configured = {action.name for action in settings.targeting.actions} | {NO_ACTION}
    unknown = sorted(set(current_actions(engine)) - configured)
    if unknown:
        raise ListRefusedError(
            f"The scores name the action {unknown[0]!r}, which the configuration no longer has; run `score` again."
        )


def default_list_path(settings: Settings, weekly: WeeklyList, issued: IssuedList) -> Path:
    """Return the file of a list below `lists/` in the workspace: by kind and week, or by its id if it has bounds of its own."""
    has_default_bounds = weekly.row_limit is None and weekly.budget is None
    name = list_name(weekly.kind, weekly.week) if has_default_bounds else issued.list_id
    return settings.workspace.path / "lists" / f"{name}.csv"


def _list_columns(listed: pl.DataFrame, list_id: str, week: str, run: Run, expires_on: date) -> pl.DataFrame:
    ranked = listed.with_row_index("rank", offset=1).with_columns(
        *list_reason_columns(),
        pl.lit(list_id).alias("list_id"),
        pl.lit(week).alias("week"),
        pl.lit(run.as_of).alias("data_as_of"),
        pl.lit(run.model_version).alias("model_version"),
        pl.lit(expires_on).alias("expires_on"),
    )
    return ranked.select(pl.col(name).cast(dtype) for name, dtype in LIST_COLUMNS.items())
