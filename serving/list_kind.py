"""The lists there are."""

from enum import StrEnum


class ListKind(StrEnum):
    """Existing customers about to leave, former customers, and customers with a complaint to settle."""

    AT_RISK = "at_risk"
    WIN_BACK = "win_back"
    RECOVERY = "recovery"
