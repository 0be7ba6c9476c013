"""The weekly list: whom to act on, with what, ordered by what it is expected to gain."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from features.tables.atomic import replacing
from serving.control import arms, workspace_key
from serving.list_kind import ListKind
from serving.store import Run, actions_in, read_actions
from serving.targeting import NO_ACTION
from settings.errors import UserError
from settings.sections import Action, Settings

WEEK = re.compile(r"(\d{4})-W(\d{2})")
ASSUMED = "assumed"
ENDINGS = (".csv", ".parquet")


ACTION_KIND = {ListKind.AT_RISK: "retention", ListKind.WIN_BACK: "win_back", ListKind.RECOVERY: "recovery"}


class ListRefused(UserError):  # noqa: N818  # it names what happened, as the documentation does
    """The list cannot be made as asked: a week that is none, a budget that is none, a file of another type."""


@dataclass(frozen=True)
class WeeklyList:
    """A list and what it rests on; `churn_sentence` says in words what p_churn means."""

    list_id: str
    kind: ListKind
    week: str
    run: Run
    frame: pl.DataFrame
    churn_sentence: str


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
    one however often a week's list is made, and costs nothing.
    Raises ListRefused for a week or budget that is none, NoRun before the first published run.
    """
    if budget is not None and budget < 0:
        raise ListRefused(f"The budget should be 0 or more, found {budget:g}.")
    actions = {action.name: action for action in settings.targeting.actions if action.kind == ACTION_KIND[kind]}
    _refuse_renamed(settings, engine)
    run, scores = read_actions(engine, list(actions))
    chosen = week or week_of(run.as_of)
    expires = _sunday(chosen)
    ordered = scores.sort("expected_gain", "customer_id", descending=[True, False])
    key, share = workspace_key(settings.workspace.path), settings.targeting.control_share
    drawn = ordered.with_columns(arms(ordered["customer_id"], f"{kind}-{chosen}", key, share))
    affordable = _within(drawn, settings.targeting.budget if budget is None else budget)
    kept = affordable if limit is None else affordable.head(limit)
    list_id = f"{kind}-{chosen}-run{run.run_id}"
    frame = _columns(kept, list_id, chosen, actions, expires)
    return WeeklyList(list_id, kind, chosen, run, frame, _churn_sentence(run))


def _refuse_renamed(settings: Settings, engine: sa.Engine) -> None:
    """A list under new names of actions would be silently short."""
    configured = {action.name for action in settings.targeting.actions} | {NO_ACTION}
    gone = sorted(set(actions_in(engine)) - configured)
    if gone:
        raise ListRefused(f"The scores name the action {gone[0]}, which the configuration no longer has; run `score` again.")


def _churn_sentence(run: Run) -> str:
    after = f"in the {run.horizon_days} days from {run.as_of}"
    return f"p_churn is the probability of no purchase {after}, if nothing special is done."


def write_list(weekly: WeeklyList, path: Path) -> None:
    """Write a list as CSV or Parquet, by the ending of the name; in one step."""
    if path.suffix.lower() not in ENDINGS:
        raise ListRefused(f"A list is written as {' or '.join(ENDINGS)}, not as {path.name}.")
    with replacing(path) as beside:
        if path.suffix.lower() == ".csv":
            weekly.frame.write_csv(beside)
        else:
            weekly.frame.write_parquet(beside)


def default_path(settings: Settings, weekly: WeeklyList) -> Path:
    """Return where a list goes when no file is named: `lists/` below the workspace."""
    return settings.workspace.path / "lists" / f"{weekly.kind}-{weekly.week}.csv"


def _within(ordered: pl.DataFrame, budget: float | None) -> pl.DataFrame:
    """Held-out customers cost nothing; a millionth of the currency is forgiven to sums in floating point."""
    spent = pl.when(pl.col("arm") == "treated").then(pl.col("action_cost")).otherwise(0.0).cum_sum()
    return ordered if budget is None else ordered.filter(spent.round(6) <= budget)


def _sunday(week: str) -> date:
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
    return kept.with_row_index("rank", offset=1).select(
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
