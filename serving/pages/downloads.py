"""Downloads of a list from the pages; those of an old list, or one that does not count, ask first."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from serving.http.auth import get_client, get_state
from serving.http.declared_parameters import DeclaredRoute
from serving.http.details import visible_details
from serving.http.fields import NO_CONTROL_CHARS, FilterValue
from serving.http.list_downloads import download_of
from serving.http.list_filters import PageSegment, PageStage, list_filters
from serving.http.paths import UI
from serving.http.state import ServiceState
from serving.lists.files import Format
from serving.pages.decision import reasons_to_ask
from serving.pages.list_figures import require_list
from serving.pages.render import page
from serving.pages.session import SIGNED_IN
from serving.schemas.list_filters import Arm
from serving.store.lists.issued import IssuedList
from serving.store.lists.precedence import effective_list

ROUTES = APIRouter(route_class=DeclaredRoute, include_in_schema=False, dependencies=[SIGNED_IN])
ListId = Annotated[str, Query(max_length=100, pattern=NO_CONTROL_CHARS)]


class FileFormat(StrEnum):
    """The file formats of a list."""

    XLSX = "xlsx"
    CSV = "csv"
    PARQUET = "parquet"


@ROUTES.get(f"{UI}/week/download")
def download(
    request: Request,
    list_id: ListId,
    format: FileFormat = FileFormat.XLSX,  # noqa: A002  # the name of the parameter in the URL
    segment: PageSegment = None,
    stage: PageStage = None,
    region: FilterValue = None,
    action: FilterValue = None,
    arm: Arm = Arm.TREATED,
    confirmed: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Return the rows that pass the filters as a file for people; held-out customers only on request.

    Of a list that is old, has ended or does not count, show why, and ask. `confirmed` is the as-of date of the data that the user
    accepted, so that a kept link asks again for newer data.
    """
    state = get_state(request)
    issued = require_list(state, list_id)
    filters = list_filters(state, issued, Arm.ALL, segment, stage, region or None, action or None)
    reasons = [] if confirmed == str(issued.data_as_of) else reasons_of(state, issued)
    if reasons:
        fields = filters | {"format": format.value, "arm": arm.value}
        return page(request, "confirm", issued=issued, reasons=reasons, fields=fields, filters=filters)
    of_arm = {} if arm is Arm.ALL else {"arm": arm.value}
    client = get_client(request)
    details = visible_details(state, client)
    return download_of(state, client.name, issued, filters | of_arm, Format(format), spreadsheet=True, details=details)


def reasons_of(state: ServiceState, issued: IssuedList) -> list[str]:
    """Return what a user must know before a download of a list; nothing of one that is current and counts."""
    effective = effective_list(state.engine, issued.kind, issued.week)
    return reasons_to_ask(issued, effective, state.today, state.settings.serving.stale_after_days)
