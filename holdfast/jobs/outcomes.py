"""Update the outcomes of issued lists with the newest orders."""

from datetime import date, datetime

from holdfast.jobs.session import Session
from serving.outcomes.measure import TOO_FEW_ORDERS, GroupOutcome
from serving.outcomes.report import NoListsError, measure_outcomes, save_outcomes


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
        return "No earlier list has outcomes yet."
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
