"""The weekly lists: whom to act on, with what, ordered by what it is expected to gain."""

import json
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from serving.lists.changes import changes
from serving.lists.reasons import list_reasons
from serving.lists.summary import summary
from serving.privacy.erasure import withheld_by
from serving.privacy.workspace_key import workspace_key
from serving.schemas.iso_weeks import acted_on, sunday_of, week_of
from serving.schemas.list_kind import TARGET_OF, ListKind
from serving.schemas.lists import EXPECTED_COLUMNS, LIST_COLUMNS
from serving.store.issued import IssuedList, churn_sentence, earlier_rows, issued_lists, store_list
from serving.store.read import actions_in
from serving.store.runs import Run
from serving.store.targets import read_targets
from serving.store.withheld import Withheld
from serving.targeting.choice import NO_ACTION
from serving.targeting.plan import ListBounds, Plan, PlanInputs, make_plan
from settings.errors import UserError
from settings.sections import Settings


class ListRefusedError(UserError):  # noqa: N818  # it names what happened, as the documentation does
    """The list cannot be made as asked: a budget that is none, a file of another type, actions that are gone."""


@dataclass(frozen=True)
class WeeklyPlan:
    """What was decided for the lists of a week together, from one run."""

    settings: Settings
    run: Run
    week: str
    plan: Plan


@dataclass(frozen=True)
class WeeklyList:
    """A list and what it rests on; `row_limit` and `budget` are those asked for. `frame` has LIST_COLUMNS.

    `expected` has EXPECTED_COLUMNS of the same rows, `summary` its figures.
    """

    kind: ListKind
    week: str
    run: Run
    frame: pl.DataFrame
    expected: pl.DataFrame
    summary: dict[str, Any]
    row_limit: int | None = None
    budget: float | None = None

    @property
    def list_id(self) -> str:
        """The id that each row has."""
        return list_name(self.kind, self.week, self.run)

    @property
    def churn_sentence(self) -> str:
        """What p_churn means, in words."""
        return churn_sentence(self.run.horizon_days, self.run.as_of)

    @cached_property
    def content(self) -> str:
        """A number that two lists share if they say the same, whatever their ids."""
        return str(self.frame.drop("list_id").hash_rows(seed=1).implode().hash(seed=self.frame.height)[0])


def make_list(
    settings: Settings,
    engine: sa.Engine,
    kind: ListKind,
    week: str | None = None,
    limit: int | None = None,
    budget: float | None = None,
) -> WeeklyList:
    """Return the list of one kind from the current run.

    Rows come by expected gain, ties by customer; the rules of `serving.targeting` say who is on it. `budget` (by default the
    configured one) pays for the largest gains that it can, `limit` keeps the first so many rows. A control share is held out
    before that, the same one however often a week's list is made, and costs nothing. Raises ListRefused for a budget that is
    none, WeekRefused for a week that is none, NoRun before the first published run.
    """
    if budget is not None and budget < 0:
        raise ListRefusedError(f"The budget should be 0 or more, found {budget:g}.")
    weekly = plan_week(settings, engine, week, {kind: ListBounds(settings.targeting.budget if budget is None else budget, limit)})
    return list_of(engine, weekly, kind, limit, budget)


def plan_week(
    settings: Settings, engine: sa.Engine, week: str | None = None, asked: dict[ListKind, ListBounds] | None = None
) -> WeeklyPlan:
    """Decide about all lists of a week at once, from the current run; by default of the week of its as-of date.

    `asked` are bounds of single lists in place of the configured budget.
    """
    _refuse_renamed(settings, engine)
    run, customers = read_targets(engine)
    chosen, targeting = week or week_of(run.as_of), settings.targeting
    if sunday_of(chosen) < run.as_of:
        raise ListRefusedError(f"The week {chosen} lies before the data of the scores, which are as of {run.as_of}.")
    wanted = {kind: ListBounds(targeting.budget) for kind in ListKind} | (asked or {})
    hold = targeting.control_hold_days or run.horizon_days
    today = acted_on(chosen, run.as_of)
    terms = PlanInputs(
        targeting,
        workspace_key(settings.secret_path),
        {TARGET_OF[kind]: f"{kind}-{chosen}" for kind in ListKind},
        {TARGET_OF[kind]: wanted[kind] for kind in ListKind},
        hold,
    )
    earlier = earlier_rows(engine, chosen, run.run_id, today, targeting.pause_days, targeting.control_hold_days)
    withheld = withheld_by(settings, engine, *Withheld).holds()
    return WeeklyPlan(settings, run, chosen, make_plan(customers, earlier, withheld, terms))


def list_of(
    engine: sa.Engine, weekly: WeeklyPlan, kind: ListKind, limit: int | None = None, budget: float | None = None
) -> WeeklyList:
    """Return one list of a plan; `limit` and `budget` are those that were asked for."""
    plan, target = weekly.plan, TARGET_OF[kind]
    of_kind = plan.frame.filter(pl.col("target") == target.value)
    listed = of_kind.filter(pl.col("left_out").is_null()).sort("expected_gain", "customer_id", descending=[True, False])
    frame = _columns(listed, list_name(kind, weekly.week, weekly.run), weekly.week, weekly.run, sunday_of(weekly.week))
    expected = listed.select(pl.col(name).cast(dtype) for name, dtype in EXPECTED_COLUMNS.items())
    told = summary(plan, target, listed, of_kind) | {"changes": changes(engine, weekly.run, plan.frame, kind, weekly.week)}
    return WeeklyList(kind, weekly.week, weekly.run, frame, expected, told, limit, budget)


def issue(engine: sa.Engine, weekly: WeeklyList, issued_by: str, now: datetime) -> tuple[IssuedList, pl.DataFrame]:
    """Store a list, or find the one that was issued with the very same rows; return it with its rows.

    A list that was issued never changes. Another one for the same run has a number behind its id.
    """
    while True:
        there = issued_lists(engine, weekly.kind, weekly.week)
        same = next((one for one in there if (one.content, one.run_id) == (weekly.content, weekly.run.run_id)), None)
        if same is not None:
            return same, _under(weekly.frame, same.list_id)
        one = _issued(weekly, there, issued_by, now)
        frame = _under(weekly.frame, one.list_id)
        try:
            store_list(engine, one, frame.hstack(weekly.expected))
        except IntegrityError:  # somebody else issued one meanwhile
            continue
        return one, frame


def list_name(kind: ListKind, week: str, run: Run) -> str:
    """Return the id of the first list of a kind, week and run."""
    return f"{kind}-{week}-run{run.run_id}"


def _issued(weekly: WeeklyList, there: list[IssuedList], issued_by: str, now: datetime) -> IssuedList:
    run, ids = weekly.run, {one.list_id for one in there}
    names = (weekly.list_id if again == 1 else f"{weekly.list_id}-{again}" for again in range(1, len(ids) + 2))
    return IssuedList(
        next(name for name in names if name not in ids),
        len(there) + 1,
        weekly.kind,
        weekly.week,
        run.run_id,
        run.as_of,
        run.model_version,
        run.horizon_days,
        weekly.row_limit,
        weekly.budget,
        weekly.content,
        weekly.frame.height,
        now,
        issued_by,
        json.dumps(weekly.summary),
    )


def _under(frame: pl.DataFrame, list_id: str) -> pl.DataFrame:
    return frame.with_columns(pl.lit(list_id).alias("list_id"))


def _refuse_renamed(settings: Settings, engine: sa.Engine) -> None:
    """A list under new names of actions would be silently short."""
    configured = {action.name for action in settings.targeting.actions} | {NO_ACTION}
    gone = sorted(set(actions_in(engine)) - configured)
    if gone:
        raise ListRefusedError(f"The scores name the action {gone[0]}, which the configuration no longer has; run `score` again.")


def default_path(settings: Settings, weekly: WeeklyList, issued: IssuedList) -> Path:
    """Return where a list goes when no file is named: `lists/` below the workspace; one with a bound of its own under its id."""
    usual = weekly.row_limit is None and weekly.budget is None
    return settings.workspace.path / "lists" / f"{f'{weekly.kind}-{weekly.week}' if usual else issued.list_id}.csv"


def _columns(listed: pl.DataFrame, list_id: str, week: str, run: Run, expires: date) -> pl.DataFrame:
    ranked = listed.with_row_index("rank", offset=1).with_columns(
        *list_reasons(),
        pl.lit(list_id).alias("list_id"),
        pl.lit(week).alias("week"),
        pl.lit(run.as_of).alias("data_as_of"),
        pl.lit(run.model_version).alias("model_version"),
        pl.lit(expires).alias("expires_on"),
    )
    return ranked.select(pl.col(name).cast(dtype) for name, dtype in LIST_COLUMNS.items())
