"""The page of all issued lists: those that count, and those that were replaced or withdrawn, or were only a preview."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from serving.http.auth import get_state
from serving.http.declared_parameters import DeclaredRoute
from serving.http.errors import ApiError
from serving.http.fields import FilterValue
from serving.http.paths import UI
from serving.pages.decision import status_of
from serving.pages.render import page
from serving.pages.session import SIGNED_IN
from serving.schemas.list_kind import ListKind
from serving.store.lists.issued import IssuedList, issued_lists
from serving.store.lists.precedence import effective_lists

ROUTES = APIRouter(route_class=DeclaredRoute, include_in_schema=False, dependencies=[SIGNED_IN])
PAGE_LISTS = 50
STATUSES = ("counts", "replaced", "withdrawn", "preview")


@ROUTES.get(f"{UI}/lists")
def lists(
    request: Request,
    kind: FilterValue = None,
    status: FilterValue = None,
    after: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Show the issued lists, the newest first; a page starts after the list `after`."""
    if (kind and kind not in set(ListKind)) or (status and status not in STATUSES):
        raise ApiError(422, f"A list is {', '.join(ListKind)}, and its status {', '.join(STATUSES)}.")
    rows = [row for row in _rows(request, kind or None) if status in {None, "", row["word"]}]
    ids = [row["issued"].list_id for row in rows]
    start = ids.index(after) + 1 if after in ids else 0
    end = start + PAGE_LISTS
    return page(
        request,
        "lists",
        rows=rows[start:end],
        first=start + 1,
        total=len(rows),
        previous=None if start == 0 else ids[start - PAGE_LISTS - 1] if start > PAGE_LISTS else "",
        next=ids[end - 1] if end < len(ids) else None,
        kinds=list(ListKind),
        statuses=STATUSES,
        kind=kind,
        chosen_status=status,
    )


def _rows(request: Request, kind: str | None) -> list[dict[str, Any]]:
    """Return the issued lists of a kind, or all, each with its status."""
    engine = get_state(request).engine
    effective = {(issued.kind, issued.week): issued for issued in effective_lists(engine)}
    return [
        {"issued": issued} | status_of(issued, effective.get((issued.kind, issued.week)))
        for issued in sorted(issued_lists(engine, kind), key=_newest_first)
    ]


def _newest_first(issued: IssuedList) -> tuple[float, str]:
    return -issued.issued_at.timestamp(), issued.list_id
