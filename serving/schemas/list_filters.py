"""The values by which the rows of a list can be chosen."""

from enum import StrEnum


class Arm(StrEnum):
    """The rows to return: those to act on, those held out, or all."""

    TREATED = "treated"
    CONTROL = "control"
    ALL = "all"


class Segment(StrEnum):
    """A loyalty segment."""

    HARD_CORE = "hard_core"
    SPLIT = "split"
    SHIFTING = "shifting"
    SWITCHER = "switcher"
    UNDETERMINED = "undetermined"


class Stage(StrEnum):
    """A lifecycle stage."""

    PROSPECT = "prospect"
    FIRST_TIME = "first_time"
    REPEAT = "repeat"
    CLIENT = "client"
    ADVOCATE = "advocate"
    PARTNER = "partner"
    INACTIVE = "inactive"
