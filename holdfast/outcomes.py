"""Measure the lists again after new orders came."""

from datetime import datetime

import sqlalchemy as sa

from holdfast.session import Session
from serving.outcomes.measure import until_of
from serving.outcomes.report import NoLists, keep_outcomes, measure_outcomes


def refresh_outcomes(session: Session, store: sa.Engine, now: datetime) -> str:
    """Measure what earlier lists earned, keep it for the pages, and say in a sentence what it is."""
    until = until_of(session.tables.transactions)
    try:
        found = measure_outcomes(store, session.tables.transactions, until, session.settings.value.margin)
    except NoLists:
        return "No earlier list has outcomes yet."
    keep_outcomes(store, found, until, now)
    whole = found[0]
    if whole.total is None:
        return f"Earlier lists: {whole.treated:,} treated, too few held out to tell what they earned."
    total, low, high = whole.total
    currency = session.settings.value.currency
    return (
        f"Earlier lists earned {total:+,.0f} {currency} against doing nothing, "
        f"with 95 % probability between {low:+,.0f} and {high:+,.0f}; the window of {whole.closed:.0%} has ended; see `outcomes`."
    )
