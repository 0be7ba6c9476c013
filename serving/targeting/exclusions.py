"""The reasons for which a customer is on no list; each customer has at most one, so that counts add up."""

from collections.abc import Mapping
from enum import StrEnum

from settings.sections import Targeting


class Exclusion(StrEnum):
    """Why a customer is on no list, as stored with the figures of a list. docs/targeting.md has the order of the checks."""

    OBJECTED = "objected"
    NO_CONSENT = "no_consent"
    UNCERTAIN_CONSENT = "uncertain_consent"
    NO_ACTION = "no_action"
    NOT_WORTH_IT = "not_worth_it"
    CONTACTED = "contacted"
    HELD_OUT = "held_out"
    ANSWERED = "answered"
    HOUSEHOLD = "household"
    CAP_WEEK = "cap_week"
    CAP_ONE_TIME = "cap_one_time"
    CAP_OWNER = "cap_owner"
    CAP_SEGMENT = "cap_segment"
    BUDGET = "budget"
    LIMIT = "limit"


def exclusion_sentence(reason: str, count: int, targeting: Targeting) -> str:
    """Return the number of excluded customers and why, as in "312 were contacted in the last 14 days"."""
    descriptions: Mapping[str, str] = {
        Exclusion.OBJECTED: "objected to marketing or were erased",
        Exclusion.NO_CONSENT: "have not consented to marketing",
        Exclusion.UNCERTAIN_CONSENT: "have a row in the customers table that cannot be used, so their consent is uncertain",
        Exclusion.NO_ACTION: "match no configured action",
        Exclusion.NOT_WORTH_IT: "would cost more than they are expected to bring",
        Exclusion.CONTACTED: f"were contacted in the last {targeting.pause_days} days",
        Exclusion.ANSWERED: "were already answered by service and have no open complaint",
        Exclusion.HELD_OUT: "are in the control group of an earlier list",
        Exclusion.HOUSEHOLD: "share a household or contact point with a customer on a list",
        Exclusion.CAP_WEEK: "exceed the weekly cap",
        Exclusion.CAP_ONE_TIME: "exceed the weekly cap on one-time buyers",
        Exclusion.CAP_OWNER: "exceed the weekly cap of the action's owner",
        Exclusion.CAP_SEGMENT: "exceed the weekly cap of their loyalty segment",
        Exclusion.BUDGET: "exceed the budget",
        Exclusion.LIMIT: "exceed the requested number of rows",
    }
    return f"{count:,} {descriptions[reason]}"
