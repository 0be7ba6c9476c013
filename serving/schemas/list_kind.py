"""The lists there are."""

from enum import StrEnum

from serving.targeting.rules import Target


class ListKind(StrEnum):
    """Existing customers about to leave, former customers, and customers with a complaint to settle."""

    AT_RISK = "at_risk"
    WIN_BACK = "win_back"
    RECOVERY = "recovery"


TARGET_OF = {ListKind.AT_RISK: Target.RETENTION, ListKind.WIN_BACK: Target.WIN_BACK, ListKind.RECOVERY: Target.RECOVERY}
