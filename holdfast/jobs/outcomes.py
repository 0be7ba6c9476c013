"""Update the outcomes of issued lists with the newest orders."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from holdfast.jobs.session import Session
from serving.outcomes.first_result import first_result_sentence
from serving.outcomes.measure import TOO_FEW_ORDERS, GroupOutcome
from serving.outcomes.report import NoListsError, measure_outcomes, save_outcomes
from serving.store.lists.issued import issued_lists
from settings.errors import UserError


@dataclass(frozen=True)
class OutcomeReport:
    """The outcomes of the lists, or of one of them, from orders before `until`.

    `first_result_on` is the day of the first result, and `message` says why there is none yet; both None if a window has ended.
    """

    until: date
    outcomes: list[GroupOutcome]
    first_result_on: date | None = None
    message: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the report as data for JSON."""
        groups = [group.as_dict() for group in self.outcomes]
        return vars(self) | {"outcomes": groups}


def read_outcomes(session: Session, now: datetime, list_id: str | None = None) -> OutcomeReport:
    """Update the outcomes, and return those of all lists or of one. Raises UserError if there is no such list."""
    engine, until = session.store.open(), session.default_as_of
    if list_id is not None and list_id not in {issued.list_id for issued in issued_lists(engine)}:
        raise UserError(f"There are no outcomes of a list {list_id!r}; `outcomes` without --list shows all lists.")
    try:
        outcomes, _ = update_outcomes(session, now)
    except NoListsError:
        outcomes = []
    shown = [group for group in outcomes if list_id is None or (group.scope == "list" and group.name == list_id)]
    if any(group.treated + group.control for group in shown):
        return OutcomeReport(until, shown)
    day, message = first_result_sentence(engine, until, list_id)
    return OutcomeReport(until, shown, day, message)


def update_outcomes(session: Session, now: datetime) -> tuple[list[GroupOutcome], date]:
    """Measure all issued lists and store the figures for the pages; return them and the day until which orders are known.

    The day is exclusive. Raises NoListsError if no list was issued before it.
    """
    store, transactions, until = session.store.open(), session.tables.transactions, session.default_as_of
    outcomes = measure_outcomes(store, transactions, until, session.settings.value.margin)
    save_outcomes(store, outcomes, until, now)
    return outcomes, until


def summarise_outcomes(session: Session, now: datetime) -> str:
    """Update the outcomes and return a sentence on what all earlier lists earned together."""
    try:
        outcomes, _ = update_outcomes(session, now)
    except NoListsError:
        _, sentence = first_result_sentence(session.store.open(), session.default_as_of)
        return f"No earlier list has outcomes yet. {sentence}"
    overall = outcomes[0]
    if overall.treated + overall.control == 0:
        return f"Earlier lists: no customer's window has ended yet; the first ends on {overall.next_end}."
    if overall.total is None and overall.verdict == TOO_FEW_ORDERS:
        return f"Earlier lists: {overall.treated:,} customers treated; {TOO_FEW_ORDERS} what the lists earned."
    if overall.total is None:
        return f"Earlier lists: {overall.treated:,} customers treated; too few held out to measure what the lists earned."
    total, low, high = overall.total
    currency = session.settings.value.currency
    if overall.is_inconclusive:
        return (
            f"What earlier lists earned is not known yet ({overall.verdict}): 95 % interval {low:+z,.0f} to {high:+z,.0f} "
            f"{currency} compared with no contact. See `outcomes`."
        )
    return (
        f"Earlier lists earned {total:+z,.0f} {currency} compared with no contact (95 % interval {low:+z,.0f} to {high:+z,.0f}), "
        f"measured on the {overall.closed:z.0%} of customers whose window has ended. See `outcomes`."
    )
