"""The weekly lists: which customers to act on and with what, by expected gain."""

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl
import sqlalchemy as sa

from models.track_record import TrackRecord
from serving.lists.changes import compare_with_previous_list
from serving.lists.evidence import add_evidence, row_evidence, run_record, run_trials
from serving.lists.length import Selection, length_sentence, selection_of
from serving.lists.reasons import list_reason_columns
from serving.lists.summary import summarize_list
from serving.privacy.objections import withheld_ids
from serving.privacy.workspace_key import workspace_secret
from serving.schemas.iso_weeks import list_start, sunday_of, week_of
from serving.schemas.list_kind import TARGET_BY_KIND, ListKind, list_id, list_name
from serving.schemas.lists import EXPECTED_COLUMNS, LIST_COLUMNS
from serving.store.lists.issued import churn_sentence, head_sentence
from serving.store.lists.of_customers import earlier_rows
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
    """The decisions for all lists of a week, from one run, and what the run's champion knew of its trials and past forecasts.

    `selection` is what the lists select from.
    """

    settings: Settings
    run: Run
    week: str
    plan: Plan
    selection: Selection
    trials: Trials = field(default_factory=dict)
    record: TrackRecord | None = None


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
    plan = make_plan(customers, earlier, withheld, inputs, units)
    trials, record = run_trials(settings, run.model_version), run_record(settings, run.model_version)
    return WeeklyPlan(settings, run, planned_week, plan, selection_of(settings, engine, run), trials, record)


def build_list(
    engine: sa.Engine, weekly: WeeklyPlan, kind: ListKind, limit: int | None = None, budget: float | None = None
) -> WeeklyList:
    """Return one list of a plan; `limit` and `budget` are the bounds of the request, which the plan has applied."""
    plan, run, week, target = weekly.plan, weekly.run, weekly.week, TARGET_BY_KIND[kind]
    candidates = plan.frame.filter(pl.col("target") == target.value)
    listed = candidates.filter(pl.col("left_out").is_null()).sort("expected_gain", "customer_id", descending=[True, False])
    changes = compare_with_previous_list(engine, run, plan.frame, kind, week)
    summary = summarize_list(plan, target, listed, candidates, weekly.settings, weekly.trials, weekly.record)
    length = length_sentence(kind, summary, weekly.selection, weekly.settings)
    return WeeklyList(
        kind=kind,
        week=week,
        run=run,
        frame=_list_columns(listed, list_id(kind, week, run.run_id), week, run, sunday_of(week)),
        expected=listed.select(pl.col(name).cast(dtype) for name, dtype in EXPECTED_COLUMNS.items()),
        links=links_of_rows(listed, plan.links),
        summary=summary | {"changes": changes, "length": length},
        row_limit=limit,
        budget=budget,
    )


def _refuse_unknown_actions(settings: Settings, engine: sa.Engine) -> None:
    """Raise ListRefusedError if the scores name an action that is not configured: its customers would be missing."""
    configured = {action.name for action in settings.targeting.actions} | {NO_ACTION}
    unknown = sorted(set(current_actions(engine)) - configured)
    if unknown:
        raise ListRefusedError(
            f"The scores name the action {unknown[0]!r}, which the configuration no longer has; run `score` again."
        )


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
