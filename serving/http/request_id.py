"""The id of a request: that of the caller if it is a plain one, else a new one."""

import re
import secrets
from collections.abc import Iterable

HEADER = b"x-request-id"
PLAIN_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")


def request_id_of(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the id in the request's only x-request-id header, up to 64 letters, digits and `._:-`; else a random one.

    Every response returns it, and the log has it, so it must hold neither text nor addresses.
    """
    sent = [value for name, value in headers if name == HEADER]
    return sent[0].decode() if len(sent) == 1 and PLAIN_ID.fullmatch(sent[0]) else secrets.token_hex(8)
