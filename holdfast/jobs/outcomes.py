"""Measure the lists again after new orders came."""

from datetime import date, datetime

import sqlalchemy as sa

from holdfast.jobs.session import Session
from serving.outcomes.measure import Earned, until_of
from serving.outcomes.report import NoListsError, keep_outcomes, measure_outcomes


def measured(session: Session, store: sa.Engine, now: datetime) -> tuple[list[Earned], date]:
    """Measure all issued lists, keep the figures for the pages, and return them with the day up to which orders are known."""
    transactions = session.tables.transactions
    until = until_of(transactions)
    found = measure_outcomes(store, transactions, until, session.settings.value.margin)
    keep_outcomes(store, found, until, now)
    return found, until


def refresh_outcomes(session: Session, store: sa.Engine, now: datetime) -> str:
    """Measure what earlier lists earned, keep it for the pages, and say in a sentence what it is."""
    try:
        found, _ = measured(session, store, now)
    except NoListsError:
        return "No earlier list has outcomes yet."
    whole = found[0]
    if whole.treated + whole.control == 0:
        return f"Earlier lists: no customer's window has ended yet; the first ends on {whole.next_end}."
    if whole.total is None:
        return f"Earlier lists: {whole.treated:,} treated, too few held out to tell what they earned."
    total, low, high = whole.total
    currency = session.settings.value.currency
    return (
        f"Earlier lists earned {total:+,.0f} {currency} against doing nothing, "
        f"95 % interval {low:+,.0f} to {high:+,.0f}, from the {whole.closed:.0%} whose window has ended; see `outcomes`."
    )
