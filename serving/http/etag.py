"""Entity tags of what never changes, so that a client need not read it twice."""

import hashlib

from fastapi import Request
from starlette.responses import Response

from serving.http.state import ServiceState
from serving.store.run_rows import withheld_state


def entity_tag(state: ServiceState, request: Request, *parts: object) -> str:
    """Return a tag of what `parts` name, as this request asks for it.

    It changes with every objection and erasure, because they leave customers out. It is weak: compression changes the bytes.
    """
    text = repr((state.identity, withheld_state(state.engine), request.url.path, str(request.url.query), *parts))
    return f'W/"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def not_modified(request: Request, tag: str) -> Response | None:
    """Return 304 if the client has what the tag names already; else None."""
    sent = {part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")}
    matches = tag.removeprefix("W/") in sent or "*" in sent
    return Response(status_code=304, headers={"etag": tag, "vary": "accept-encoding"}) if matches else None
