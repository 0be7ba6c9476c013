"""Issue a weekly list: checked, stored with all its rows, and never changed afterwards."""

import json
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

import polars as pl
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from expectations.check import Finding
from expectations.validation.outputs import check_output
from expectations.validation.stopped import OverrideRequest, refuse_stopped_tables
from serving.lists.weekly import ListRefusedError, WeeklyList
from serving.privacy.objections import withheld_ids
from serving.privacy.workspace_key import identity_key
from serving.schemas.list_kind import list_id, list_name
from serving.store.lists.issued import IssuedList, issued_lists
from serving.store.lists.issuing import issue_again, store_list
from serving.store.lists.precedence import by_precedence, next_issue_order
from serving.store.withheld import Withheld
from settings.sections import Settings


def refuse_no_contacts(weekly: WeeklyList) -> None:
    """Raise ListRefusedError for a budget of the request that buys no contact: there would be nothing to act on."""
    if weekly.budget is not None and weekly.summary["treated"] == 0:
        raise ListRefusedError(f"A budget of {weekly.budget:g} buys no contact, so nothing was issued. Give a larger --budget.")


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


def default_list_path(settings: Settings, weekly: WeeklyList, issued: IssuedList) -> Path:
    """Return the file of a list below `lists/` in the workspace: by kind and week, or by its id if it has bounds of its own."""
    has_default_bounds = weekly.row_limit is None and weekly.budget is None
    name = list_name(weekly.kind, weekly.week) if has_default_bounds else issued.list_id
    return settings.workspace.path / "lists" / f"{name}.csv"
