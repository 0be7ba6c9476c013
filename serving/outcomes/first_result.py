"""When the first result of the issued lists will be known."""

from datetime import date, timedelta

import sqlalchemy as sa

from serving.schemas.iso_weeks import list_start, week_of
from serving.store.lists.issued import IssuedList, issued_lists
from serving.store.lists.precedence import effective_lists
from serving.store.runs import find_current_run


def window_end(issued: IssuedList) -> date:
    """Return the day on which the window of a list ends: its orders are known once all orders before that day are."""
    return list_start(issued.week, issued.data_as_of) + timedelta(days=issued.horizon_days)


def first_result_sentence(engine: sa.Engine, until: date, list_id: str | None = None) -> tuple[date | None, str]:
    """Return the day of the first result, and why there is none yet, in words.

    `until` is the day until which orders are known (exclusive). Before the first list it is the day of a list issued now; None
    if none can be issued. With `list_id` it is the day of that list, which must exist.
    """
    lists = [issued for issued in issued_lists(engine) if issued.list_id == list_id] if list_id else effective_lists(engine)
    if not lists:
        return _before_the_first_list(engine)
    first = min(lists, key=window_end)
    day = window_end(first)
    if day <= until:
        return day, f"Nothing can be measured: {first.list_id} held nobody out, so there is no control group to compare with."
    return day, (
        f"No result yet: orders are known before {until}, and the window of {first.list_id} ends on {day}. "
        f"The first result is due on {day}, once the orders before that day are loaded."
    )


def _before_the_first_list(engine: sa.Engine) -> tuple[date | None, str]:
    run = find_current_run(engine)
    if run is None:
        return None, "No list has been issued and no scores have been published yet: run `score`, then `list`."
    day = list_start(week_of(run.as_of), run.as_of) + timedelta(days=run.horizon_days)
    return day, f"No list has been issued yet. The first result of a list issued now with `list` is due on {day}."
