"""Replace a list that was acted on, only if that is confirmed, and undo a replacement."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from serving.lists.weekly import WeeklyList
from serving.store.audit import ListAccess, read_list_accesses
from serving.store.lists.issued import IssuedList, find_list, issued_lists
from serving.store.lists.issuing import issue_again
from serving.store.lists.precedence import effective_list, next_issue_order
from settings.errors import UserError

MAX_NAMED = 3


class ReinstatementError(UserError):
    """A list cannot be made to count again."""


@dataclass(frozen=True)
class Replacement:
    """A list that counts and was read or downloaded, and that another list would replace."""

    issued: IssuedList
    accesses: list[ListAccess]

    @property
    def sentence(self) -> str:
        """What would be replaced: how many customers, and who read or downloaded it when."""
        named = [
            f"{access.what.removeprefix('list ')} by {access.client} on {access.at:%Y-%m-%d at %H:%M} UTC"
            for access in self.accesses[:MAX_NAMED]
        ]
        more = f" and {len(self.accesses) - MAX_NAMED} more times" if len(self.accesses) > MAX_NAMED else ""
        treated = self.issued.figures.get("treated")
        to_contact = "" if treated is None else f", {treated:,} of them to contact"
        return f"{self.issued.list_id} ({self.issued.rows:,} customers{to_contact}) was {', '.join(named)}{more}"


class ListActedOnError(UserError):
    """The list would replace one that was read or downloaded, and that was not confirmed."""

    def __init__(self, replacement: Replacement, how: str) -> None:
        """Say what would be replaced, and how to confirm that."""
        super().__init__(
            f"The list {replacement.sentence}, so it counts as acted on. If another one replaces it, its customers stay paused "
            f"and in the outcomes. {how}"
        )
        self.replacement = replacement


def find_replacement(engine: sa.Engine, weekly: WeeklyList) -> Replacement | None:
    """Return the list that was acted on and that `weekly` would replace; None if there is none.

    A list that a limit cuts short replaces nothing, nor does one with the rows of the list that counts. A withdrawn list may be
    replaced without asking.
    """
    issued = effective_list(engine, weekly.kind, weekly.week)
    if issued is None or weekly.row_limit is not None or issued.row_limit is not None or issued.withdrawn_at is not None:
        return None
    if (issued.content, issued.run_id) == (weekly.content, weekly.run.run_id):
        return None
    accesses = read_list_accesses(engine, issued.list_id)
    return Replacement(issued, accesses) if accesses else None


def refuse_replacement(engine: sa.Engine, weekly: WeeklyList, confirmed: str | None, how: str) -> None:
    """Raise ListActedOnError if `weekly` would replace a list that was acted on, unless `confirmed` is the id of that list.

    `how` says how to confirm; it may name the id as {list_id}.
    """
    replacement = find_replacement(engine, weekly)
    if replacement is not None and replacement.issued.list_id != confirmed:
        raise ListActedOnError(replacement, how.format(list_id=replacement.issued.list_id))


def reinstate(engine: sa.Engine, list_id: str, client: str, now: datetime, reason: str | None = None) -> IssuedList:
    """Make a replaced list count again, and return it. Every reinstatement is audited.

    The list that counted until then stays paused and in the outcomes if it was read or downloaded. Raises ReinstatementError for
    an unknown list, one that counts already, one that a limit cut short, and one whose scores were withdrawn.
    """
    issued = find_list(engine, list_id)
    if issued is None:
        raise ReinstatementError("There is no list with this id; `GET /lists` and the pages show all lists.")
    if issued.row_limit is not None:
        raise ReinstatementError(f"{list_id} is a preview that a limit cut short, and cannot count.")
    if issued.withdrawn_at is not None:
        raise ReinstatementError(f"The scores of {list_id} were withdrawn on {issued.withdrawn_at:%Y-%m-%d}: it cannot count.")
    effective = effective_list(engine, issued.kind, issued.week)
    if effective is not None and effective.list_id == list_id:
        raise ReinstatementError(f"{list_id} counts already.")
    order = next_issue_order(issued_lists(engine, issued.kind, issued.week))
    return issue_again(engine, issued, order, client, now, reason)
