"""The filters of a list, from the parameters of a request: unknown values are refused by name."""

from typing import Annotated

from pydantic import BeforeValidator

from serving.http.errors import ApiError
from serving.http.state import ServiceState
from serving.schemas.list_filters import Arm, Segment, Stage
from serving.store.lists.issued import IssuedList
from serving.store.lists.rows import filter_values

MAX_SHOWN_VALUES = 20


def _empty_to_none(value: object) -> object:
    return value or None


EMPTY_AS_ALL = BeforeValidator(_empty_to_none)  # what a form sends for "All"
PageSegment = Annotated[Segment | None, EMPTY_AS_ALL]
PageStage = Annotated[Stage | None, EMPTY_AS_ALL]


def list_filters(
    state: ServiceState,
    issued: IssuedList,
    arm: Arm = Arm.ALL,
    segment: Segment | None = None,
    stage: Stage | None = None,
    region: str | None = None,
    action: str | None = None,
) -> dict[str, str]:
    """Return the filters that are given, for `serving.store.lists.rows.list_rows`.

    A region and an action must be on the list, on another list of its run, or configured. Raises ApiError 422 for others, with
    the field and the values of the list.
    """
    values = {"segment": segment, "stage": stage, "region": region, "action": action, "arm": None if arm is Arm.ALL else arm}
    filters = {name: str(value) for name, value in values.items() if value is not None}
    configured = {action.name for action in state.settings.targeting.actions}
    for name, known in (("region", set[str]()), ("action", configured)):
        if name in filters and filters[name] not in known:
            _refuse_unknown_value(state, issued, name, filters[name])
    return filters


def _refuse_unknown_value(state: ServiceState, issued: IssuedList, name: str, value: str) -> None:
    known = filter_values(state.engine, issued, name)
    if value not in known:
        shown = ", ".join(known[:MAX_SHOWN_VALUES]) + (", ..." if len(known) > MAX_SHOWN_VALUES else "")
        allowed = f"the lists of this run have {shown}" if known else "the lists of this run have none"
        raise ApiError(422, f"No customer has this {name}; {allowed}.", name)
