"""The HTTP protocol of a worker: request headers are bounded in size, and in the time until they are complete.

Uvicorn bounds neither with its fast parser, so a client that sends a header slowly would keep its connection forever.
"""

import asyncio
import secrets

import orjson
from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from settings.sections import Serving

END_OF_HEADERS = b"\r\n\r\n"
LINGER_SECONDS = 1.0  # between a refusal and the end of the connection
REASONS = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}
CODES = {400: "bad_request", 408: "too_slow", 431: "too_large"}


class BoundedProtocol(HttpToolsProtocol):
    """Answer 431 to long headers and 408 to slow ones, in the format of all errors, and close the connection.

    The parser says where the headers of a request end and where the next request may begin, so requests sent in advance of the
    reply (pipelining) are bounded too. A request that arrives in one piece with the end of an earlier body is the exception:
    bytes of that piece are not counted.
    """

    header_seconds = 10.0
    max_header_bytes = 32_768

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock: a connection that sends nothing is closed too."""
        super().connection_made(transport)  # type: ignore[arg-type]  # a TCP transport
        self._timer: asyncio.TimerHandle | None = None
        self._refusal: bytes | None = None
        self._await_headers()
        self._start_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count the bytes of headers, and pass them on while they are within the limit."""
        while data and self._refusal is None and not self.transport.is_closing():
            piece, data = self._split_after_headers(data) if self._in_headers else (data, b"")
            if self._size > self.max_header_bytes:
                self._refuse(431, f"The request line and headers may have {self.max_header_bytes:,} bytes together.")
                return
            super().data_received(piece)

    def on_headers_complete(self) -> None:
        """Stop counting and the clock: what follows is the body."""
        self._in_headers = False
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Count again: what follows are the headers of the next request."""
        super().on_message_complete()
        self._await_headers()

    def on_response_complete(self) -> None:
        """Refuse a request that had to wait for the replies to earlier ones."""
        super().on_response_complete()
        if self._refusal is not None and self._is_idle():
            self._write_refusal()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that is not HTTP in the format of all errors."""
        self._refuse(400, msg)

    def _await_headers(self) -> None:
        self._size, self._tail, self._in_headers = 0, b"", True

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _split_after_headers(self, data: bytes) -> tuple[bytes, bytes]:
        """Count the part of the data that belongs to headers; return it and the rest."""
        if self._timer is None:
            self._start_timer()
        found = (self._tail + data).find(END_OF_HEADERS)
        end = len(data) if found < 0 else found + len(END_OF_HEADERS) - len(self._tail)
        self._size += end
        self._tail = (self._tail + data)[-len(END_OF_HEADERS) + 1 :]
        return data[:end], data[end:]

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self.header_seconds, self._close_slow)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close_slow(self) -> None:
        if self._size:
            self._refuse(408, f"The headers did not arrive within {self.header_seconds:g} seconds.")
        elif not self.transport.is_closing():
            self.transport.close()

    def _refuse(self, status: int, message: str) -> None:
        self._stop_timer()
        if self.transport.is_closing() or self._refusal is not None:
            return
        body = orjson.dumps({"error": {"code": CODES[status], "message": message}})
        head = (
            f"HTTP/1.1 {status} {REASONS[status]}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            f"x-request-id: {secrets.token_hex(8)}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"
        )
        self._refusal = head.encode() + body
        if self._is_idle() or not self._in_headers:  # in a body, no reply comes before the body is complete
            self._write_refusal()

    def _write_refusal(self) -> None:
        """Send the refusal and close; a client that is still sending gets the time to read it.

        Closing at once, with data of the client unread, would reset the connection and discard the reply.
        """
        if self.transport.is_closing() or self._refusal is None:
            return
        self._unset_keepalive_if_required()
        self.transport.write(self._refusal)
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def install() -> None:
    """Make uvicorn, which BentoML starts, use this protocol. Call this before uvicorn is configured."""
    HTTP_PROTOCOLS["auto"] = f"{__name__}:{BoundedProtocol.__name__}"


def set_limits(serving: Serving) -> None:
    """Use the limits of the configuration for all connections from now on."""
    BoundedProtocol.header_seconds, BoundedProtocol.max_header_bytes = serving.header_seconds, serving.max_header_bytes
