"""Why a customer is on no list: each reason can be counted, and the counts add up."""

from collections.abc import Mapping
from enum import StrEnum

from settings.sections import Targeting


class Exclusion(StrEnum):
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


def exclusion_sentence(reason: str, count: int, targeting: Targeting) -> str:
    """Say in words how many were left out, and why."""
    said: Mapping[str, str] = {
        Exclusion.OBJECTED: "objected to marketing or were erased",
        Exclusion.NO_CONSENT: "gave no consent to marketing",
        Exclusion.NO_ACTION: "have no action configured for them",
        Exclusion.NOT_WORTH_IT: "would cost more than they are expected to bring",
        Exclusion.CONTACTED: f"were contacted in the last {targeting.pause_days} days",
        Exclusion.ANSWERED: "were answered by service already, and have no complaint open",
        Exclusion.HELD_OUT: "are held out as control of an earlier list",
        Exclusion.HOUSEHOLD: "share a household or contact point with somebody on a list",
        Exclusion.CAP_WEEK: "are beyond the most customers of a week",
        Exclusion.CAP_ONE_TIME: "are beyond the most one-time buyers of a week",
        Exclusion.CAP_OWNER: "are beyond what the owner of the action takes in a week",
        Exclusion.CAP_SEGMENT: "are beyond the most customers of their loyalty segment",
        Exclusion.BUDGET: "are beyond the budget",
        Exclusion.LIMIT: "are beyond the number of customers asked for",
    }
    return f"{count:,} {said[reason]}"
