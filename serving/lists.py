"""The weekly list: whom to act on, with what, ordered by what it is expected to gain."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from serving.control import arms
from serving.erasure import withheld_by
from serving.list_columns import LIST_COLUMNS
from serving.list_kind import ListKind
from serving.secret import workspace_key
from serving.store.issued import IssuedList, churn_sentence, issued_lists, store_list
from serving.store.read import actions_in, read_actions
from serving.store.runs import Run
from serving.store.withheld import Withheld
from serving.targeting import NO_ACTION
from settings.errors import UserError
from settings.sections import Action, Settings

WEEK = re.compile(r"(\d{4})-W(\d{2})")
ASSUMED = "assumed"
NEEDED = (
    *("customer_id", "status", "lifecycle_stage", "loyalty_segment", "p_churn", "expected_value", "value_at_risk"),
    *("action", "action_cost", "expected_gain", "reasons"),
)


ACTION_KIND = {ListKind.AT_RISK: "retention", ListKind.WIN_BACK: "win_back", ListKind.RECOVERY: "recovery"}


class ListRefused(UserError):  # noqa: N818  # it names what happened, as the documentation does
    """The list cannot be made as asked: a week that is none, a budget that is none, a file of another type."""


@dataclass(frozen=True)
class WeeklyList:
    """A list and what it rests on; `row_limit` and `budget` are those asked for."""

    kind: ListKind
    week: str
    run: Run
    frame: pl.DataFrame
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


def week_of(day: date) -> str:
    """Return the ISO week of a day, as 2026-W47."""
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02d}"


def make_list(
    settings: Settings,
    engine: sa.Engine,
    kind: ListKind,
    week: str | None = None,
    limit: int | None = None,
    budget: float | None = None,
) -> WeeklyList:
    """Return the list of one kind from the current run.

    Rows come by expected gain, ties by customer; `budget` (by default the configured one) keeps the first
    whose costs fit into it together, `limit` the first so many. A control share is held out before that, the same
    one however often a week's list is made, and costs nothing. Who objected or was erased since the run is left out.
    Raises ListRefused for a week or budget that is none, NoRun before the first published run.
    """
    if budget is not None and budget < 0:
        raise ListRefused(f"The budget should be 0 or more, found {budget:g}.")
    actions = {action.name: action for action in settings.targeting.actions if action.kind == ACTION_KIND[kind]}
    _refuse_renamed(settings, engine)
    run, scores = read_actions(engine, list(actions), NEEDED)
    chosen = week or week_of(run.as_of)
    expires = sunday_of(chosen)
    allowed = scores.filter(~withheld_by(settings, engine, *Withheld).holds())
    ordered = allowed.sort("expected_gain", "customer_id", descending=[True, False])
    key, share = workspace_key(settings.secret_path), settings.targeting.control_share
    drawn = ordered.with_columns(arms(ordered["customer_id"], f"{kind}-{chosen}", key, share))
    affordable = _within(drawn, settings.targeting.budget if budget is None else budget)
    kept = affordable if limit is None else affordable.head(limit)
    frame = _columns(kept, list_name(kind, chosen, run), chosen, actions, expires)
    return WeeklyList(kind, chosen, run, frame, limit, budget)


def issue(engine: sa.Engine, weekly: WeeklyList, issued_by: str, now: datetime) -> tuple[IssuedList, pl.DataFrame]:
    """Store a list, or find the one that was issued with the very same rows; return it with its rows.

    A list that was issued never changes. Another one for the same run has a number behind its id.
    """
    content = str(weekly.frame.drop("list_id").hash_rows(seed=1).implode().hash(seed=weekly.frame.height)[0])
    while True:
        there = issued_lists(engine, weekly.kind, weekly.week)
        same = next((one for one in there if (one.content, one.run_id) == (content, weekly.run.run_id)), None)
        if same is not None:
            return same, _under(weekly.frame, same.list_id)
        one = _issued(weekly, there, content, issued_by, now)
        frame = _under(weekly.frame, one.list_id)
        try:
            store_list(engine, one, frame)
        except IntegrityError:  # somebody else issued one meanwhile
            continue
        return one, frame


def list_name(kind: ListKind, week: str, run: Run) -> str:
    """Return the id of the first list of a kind, week and run."""
    return f"{kind}-{week}-run{run.run_id}"


def _issued(weekly: WeeklyList, there: list[IssuedList], content: str, issued_by: str, now: datetime) -> IssuedList:
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
        content,
        weekly.frame.height,
        now,
        issued_by,
    )


def _under(frame: pl.DataFrame, list_id: str) -> pl.DataFrame:
    return frame.with_columns(pl.lit(list_id).alias("list_id"))


def _refuse_renamed(settings: Settings, engine: sa.Engine) -> None:
    """A list under new names of actions would be silently short."""
    configured = {action.name for action in settings.targeting.actions} | {NO_ACTION}
    gone = sorted(set(actions_in(engine)) - configured)
    if gone:
        raise ListRefused(f"The scores name the action {gone[0]}, which the configuration no longer has; run `score` again.")


def default_path(settings: Settings, weekly: WeeklyList) -> Path:
    """Return where a list goes when no file is named: `lists/` below the workspace."""
    return settings.workspace.path / "lists" / f"{weekly.kind}-{weekly.week}.csv"


def _within(ordered: pl.DataFrame, budget: float | None) -> pl.DataFrame:
    """Held-out customers cost nothing; a millionth of the currency is forgiven to sums in floating point."""
    spent = pl.when(pl.col("arm") == "treated").then(pl.col("action_cost")).otherwise(0.0).cum_sum()
    return ordered if budget is None else ordered.filter(spent.round(6) <= budget)


def sunday_of(week: str) -> date:
    """Return the last day of an ISO week, written as 2026-W47. Raises ListRefused for anything else."""
    found = WEEK.fullmatch(week)
    try:
        year, number = (int(part) for part in found.groups()) if found else (0, 0)
        return date.fromisocalendar(year, number, 1) + timedelta(days=6)
    except (ValueError, OverflowError):
        raise ListRefused(f"A week is written as 2026-W47, found {week!r}.") from None


def _columns(kept: pl.DataFrame, list_id: str, week: str, actions: dict[str, Action], expires: date) -> pl.DataFrame:
    said = [
        pl.col("reasons").list.get(place, null_on_oob=True).struct.field("text").alias(f"reason_{place + 1}")
        for place in range(3)
    ]
    return (
        kept.with_row_index("rank", offset=1)
        .select(
            pl.lit(list_id).alias("list_id"),
            pl.lit(week).alias("week"),
            "rank",
            "customer_id",
            "arm",
            "action",
            pl.col("action")
            .replace_strict({name: action.channel for name, action in actions.items()}, return_dtype=pl.String)
            .alias("channel"),
            pl.col("action")
            .replace_strict({name: action.owner for name, action in actions.items()}, return_dtype=pl.String)
            .alias("owner"),
            "status",
            "loyalty_segment",
            "lifecycle_stage",
            "p_churn",
            "expected_value",
            "value_at_risk",
            "expected_gain",
            pl.lit(ASSUMED).alias("basis"),
            *said,
            pl.col("as_of").alias("data_as_of"),
            "model_version",
            pl.lit(expires).alias("expires_on"),
        )
        .cast(pl.Schema(LIST_COLUMNS))
    )
