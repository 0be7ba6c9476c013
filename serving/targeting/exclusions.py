"""Why a customer is on no list: each reason can be counted, and the counts add up."""

from collections.abc import Mapping
from enum import StrEnum

from settings.sections import Targeting


class LeftOut(StrEnum):
    """Reasons in the order in which they are asked."""

    OBJECTED = "objected"
    NO_CONSENT = "no_consent"
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


def sentence(reason: str, count: int, targeting: Targeting) -> str:
    """Say in words how many were left out, and why."""
    said: Mapping[str, str] = {
        LeftOut.OBJECTED: "objected to marketing or were erased",
        LeftOut.NO_CONSENT: "gave no consent to marketing",
        LeftOut.NO_ACTION: "have no action configured for them",
        LeftOut.NOT_WORTH_IT: "would cost more than they are expected to bring",
        LeftOut.CONTACTED: f"were contacted in the last {targeting.pause_days} days",
        LeftOut.ANSWERED: "were answered by service already, and have no complaint open",
        LeftOut.HELD_OUT: "are held out as control of an earlier list",
        LeftOut.HOUSEHOLD: "share a household or contact point with somebody on a list",
        LeftOut.CAP_WEEK: "are beyond the most customers of a week",
        LeftOut.CAP_ONE_TIME: "are beyond the most one-time buyers of a week",
        LeftOut.CAP_OWNER: "are beyond what the owner of the action takes in a week",
        LeftOut.CAP_SEGMENT: "are beyond the most customers of their loyalty segment",
        LeftOut.BUDGET: "are beyond the budget",
        LeftOut.LIMIT: "are beyond the number of customers asked for",
    }
    return f"{count:,} {said[reason]}"
