"""The HTTP protocol of a worker: request headers are bounded in size, and in the time until they are complete.

Uvicorn bounds neither with its fast parser, so a client that sends a header slowly would keep its connection forever.
"""

import asyncio
import secrets

import orjson
from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from settings.sections import Serving

END_OF_HEADERS = b"\r\n\r\n"
REASONS = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}
CODES = {400: "bad_request", 408: "too_slow", 431: "too_large"}


class BoundedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # uvicorn chooses the class by what is installed
    """Answer 431 to long headers and 408 to slow ones, in the format of all errors, and close the connection."""

    header_seconds = 10.0
    max_header_bytes = 32_768

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Start the clock: a connection that sends nothing is closed too."""
        super().connection_made(transport)
        self._size, self._tail = 0, b""
        self._in_headers, self._timer = True, self.loop.call_later(self.header_seconds, self._close_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of headers, and pass them on while they are within the limit."""
        if not self._in_headers and self._is_idle():
            self._size, self._tail, self._in_headers = 0, b"", True
            self._timer = self.loop.call_later(self.header_seconds, self._close_slow)
        if self._in_headers and not self._count(data):
            self._refuse(431, f"The request line and headers may have {self.max_header_bytes:,} bytes together.")
            return
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """Answer a request that is not HTTP in the format of all errors."""
        self._refuse(400, msg)

    def _is_idle(self) -> bool:
        return self.cycle is None or bool(self.cycle.response_complete)

    def _count(self, data: bytes) -> bool:
        """Count data that belongs to headers, and return whether they are within the limit."""
        text = self._tail + data
        end = text.find(END_OF_HEADERS)
        self._size += len(data) if end < 0 else end + len(END_OF_HEADERS) - len(self._tail)
        self._tail = text[-len(END_OF_HEADERS) + 1 :]
        if end >= 0:
            self._in_headers = False
            self._timer.cancel()
        return self._size <= self.max_header_bytes

    def _close_slow(self) -> None:
        if self._size:
            self._refuse(408, f"The headers did not arrive within {self.header_seconds:g} seconds.")
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: int, message: str) -> None:
        self._timer.cancel()
        if self.transport.is_closing():
            return
        body = orjson.dumps({"error": {"code": CODES[status], "message": message}})
        head = (
            f"HTTP/1.1 {status} {REASONS[status]}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"x-request-id: {secrets.token_hex(8)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def install() -> None:
    """Make uvicorn, which BentoML starts, use this protocol. Call this before uvicorn is configured."""
    HTTP_PROTOCOLS["auto"] = f"{__name__}:{BoundedProtocol.__name__}"


def set_limits(serving: Serving) -> None:
    """Use the limits of the configuration for all connections from now on."""
    BoundedProtocol.header_seconds, BoundedProtocol.max_header_bytes = serving.header_seconds, serving.max_header_bytes
