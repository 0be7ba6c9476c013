"""Refuse unknown ids in commands, with the known ids that a typo may have meant."""

import sqlalchemy as sa

from serving.privacy.known_customers import UnknownCustomerError, near_ids, refuse_unknown
from settings.sections import Settings

HINT = "Check the id, or add --preemptive for a customer who is still to come."


def refuse_unknown_id(settings: Settings, engine: sa.Engine, customer_id: str) -> None:
    """Raise UnknownCustomerError, which names near ids, unless the customer is known."""
    try:
        refuse_unknown(settings, engine, customer_id, HINT)
    except UnknownCustomerError as error:
        near = near_ids(settings, engine, customer_id)
        if not near:
            raise
        raise UnknownCustomerError(f"{error} Similar ids: {', '.join(near)}.") from None
