"""Issued lists: stored with all their rows and never changed afterwards, except by an erasure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from serving.store.engine import autocommit
from serving.store.schema import LISTS


@dataclass(frozen=True)
class IssuedList:
    """A list as it was issued.

    `row_limit` and `budget` are the bounds of the request, None where the configuration decided. `horizon_days` is how far
    p_churn looks ahead from `data_as_of`. `issue_order` counts the issues of its kind and week, up to the newest one of these
    rows; None: `number`, in lists of an earlier Holdfast. `withdrawn_at` is when its run was withdrawn, `acted_on_at`
    when it was last read or downloaded before another list replaced it.
    """

    list_id: str
    number: int
    kind: str
    week: str
    run_id: int
    data_as_of: date
    model_version: str
    horizon_days: int
    row_limit: int | None
    budget: float | None
    content: str
    rows: int
    issued_at: datetime
    issued_by: str
    summary: str | None = None
    issue_order: int | None = None
    withdrawn_at: datetime | None = None
    acted_on_at: datetime | None = None

    @property
    def precedence(self) -> tuple[bool, int]:
        """The order in which lists of one kind and week count: see `by_precedence`."""
        return self.row_limit is None, self.issue_order or self.number

    @property
    def figures(self) -> dict[str, Any]:
        """The figures of the list at the time of issue (`serving/lists/summary.py`); empty for lists older than summaries."""
        return {} if self.summary is None else dict(json.loads(self.summary))

    @property
    def churn_sentence(self) -> str:
        """The meaning of p_churn, in words."""
        return churn_sentence(self.horizon_days, self.data_as_of)

    @property
    def head_sentence(self) -> str:
        """The meaning of p_churn and of the expected gain, in words: the head of a file."""
        return head_sentence(self.churn_sentence, self.figures)


def churn_sentence(horizon_days: int, as_of: date) -> str:
    """Return the meaning of p_churn, in words."""
    return f"p_churn is the probability of no purchase in the {horizon_days} days from {as_of}, if nothing special is done."


def head_sentence(churn: str, figures: Mapping[str, Any]) -> str:
    """Return the head of a file: the meaning of p_churn, and what the expected gain rests on."""
    evidence = figures.get("evidence") or {}
    return f"{churn} {evidence['sentence']}" if "sentence" in evidence else churn


LIST_FIELDS = tuple(LISTS.c[name] for name in IssuedList.__dataclass_fields__)


def issued_lists(engine: sa.Engine, kind: str | None = None, week: str | None = None) -> list[IssuedList]:
    """Return the issued lists, the newest first; only those of a kind or week if given."""
    with autocommit(engine).connect() as connection:
        return select_lists(connection, kind, week)


def select_lists(connection: sa.Connection, kind: str | None, week: str | None) -> list[IssuedList]:
    """Return the issued lists of `issued_lists` within a transaction."""
    query = sa.select(*LIST_FIELDS).order_by(LISTS.c.week.desc(), LISTS.c.kind, LISTS.c.number.desc())
    for column, value in ((LISTS.c.kind, kind), (LISTS.c.week, week)):
        query = query if value is None else query.where(column == value)
    return [IssuedList(*row) for row in connection.execute(query)]


def find_list(engine: sa.Engine, list_id: str, kind: str | None = None) -> IssuedList | None:
    """Return the issued list with this id, if it is of the kind; None without one."""
    return next((issued for issued in issued_lists(engine, kind) if issued.list_id == list_id), None)
