"""What the page of a week leads with: what to do, for how many customers and by when; and what speaks against a download."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from serving.pages.render import format_day
from serving.schemas.iso_weeks import list_start, monday_of, sunday_of
from serving.schemas.list_kind import ListKind
from serving.store.lists.issued import IssuedList
from serving.store.lists.precedence import counting_sentence

VERBS = {ListKind.AT_RISK: "Contact", ListKind.WIN_BACK: "Contact", ListKind.RECOVERY: "Answer"}


def week_title(week: str) -> str:
    """Return the days of an ISO week, such as "Week 47 of 2026: 16 Nov to 22 Nov 2026"."""
    year, number = week.split("-W")
    return f"Week {int(number)} of {year}: {monday_of(week):%-d %b} to {format_day(sunday_of(week))}"


def next_monday(week: str) -> date:
    """Return the first day of the week after an ISO week."""
    return sunday_of(week) + timedelta(days=1)


def instruction(issued: IssuedList, treated: int, today: date) -> str:
    """Return what to do with a list on a day, as in "Contact these 171 customers today"."""
    verb, customers = VERBS[ListKind(issued.kind)], "customer" if treated == 1 else "customers"
    these = f"this {customers}" if treated == 1 else f"these {treated:,} {customers}"
    if treated == 0:
        return f"No customer to {verb.lower()} on this list"
    if issued.withdrawn_at is not None:
        return f"Do not {verb.lower()} {these}: the list was withdrawn"
    start, end = list_start(issued.week, issued.data_as_of), sunday_of(issued.week)
    if today > end:
        return f"Issue a new list first: this one, of {treated:,} {customers}, ended on {format_day(end)}"
    return f"{verb} {these} from {format_day(start)}" if today < start else f"{verb} {these} today"


def reasons_to_ask(issued: IssuedList, effective: IssuedList | None, today: date, max_days: int) -> list[str]:
    """Return what a user must know before a download of a list: old data, an ended week, another list that counts instead."""
    days = (today - issued.data_as_of).days
    reasons = []
    if days > max_days:
        reasons.append(
            f"The data of this list are {days:,} days old ({format_day(issued.data_as_of)}). "
            "Customers may have ordered, complained or been contacted since."
        )
    if today > sunday_of(issued.week):
        reasons.append(f"The list was to be used until {format_day(sunday_of(issued.week))}.")
    if issued.withdrawn_at is not None or (effective is not None and effective.list_id != issued.list_id):
        reasons.append(counting_sentence(issued, effective))
    return reasons


def status_of(issued: IssuedList, effective: IssuedList | None) -> dict[str, str]:
    """Return whether a list counts, as a short word and the sentence behind it."""
    if issued.withdrawn_at is not None:
        word = "withdrawn"
    elif effective is None or effective.list_id == issued.list_id:
        word = "counts"
    else:
        word = "preview" if issued.row_limit is not None else "replaced"
    return {"word": word, "sentence": counting_sentence(issued, effective)}


def first_result_day(lists: Sequence[IssuedList]) -> date | None:
    """Return the first day on which the outcome window of one of the lists has ended; None without lists."""
    ends = [list_start(issued.week, issued.data_as_of) + timedelta(days=issued.horizon_days) for issued in lists]
    return min(ends, default=None)


def decision_of(issued: IssuedList, figures: dict[str, Any], today: date) -> dict[str, Any]:
    """Return the first lines of the page: what to do, for what cost, the figures behind its gain, and until when."""
    return {
        "instruction": instruction(issued, figures["treated"], today),
        "cost": figures["action_cost"],
        "figures": figures,
        "treated": figures["treated"],
        "control": figures["control"],
        "until": sunday_of(issued.week),
        "has_ended": today > sunday_of(issued.week),
    }
