"""Compressed bodies: gzip requests within the limit of size, and gzip responses of the API."""

import re
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.types import Message, Send

from serving.http.errors import ApiError

GZIP, GZIP_MAGIC = b"gzip", b"\x1f\x8b"
GZIP_WINDOW = 31  # of zlib: the gzip format
MIN_BYTES, LEVEL = 1_000, 5
COMPRESSIBLE = (b"application/json", b"application/x-ndjson", b"text/")
CODING = re.compile(r"\s*([\w*-]+)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?")


def decoded_body(body: bytes, headers: Mapping[bytes, bytes], max_bytes: int) -> bytes:
    """Return a request's body without its gzip coding. Raises ApiError 415, 413 above `max_bytes`, 422 for damaged data."""
    codings = [coding.strip().lower() for coding in headers.get(b"content-encoding", b"").split(b",")]
    codings = [coding for coding in codings if coding not in {b"", b"identity"}]
    if not body:
        return body
    if not codings:
        if body.startswith(GZIP_MAGIC):
            raise ApiError(415, "The body is compressed with gzip; say so with Content-Encoding: gzip.", "body")
        return body
    if codings not in ([GZIP], [b"x-gzip"]):
        refusal = "The body may be compressed with gzip, once, and with no other coding."
        raise ApiError(415, refusal, "body", headers={"accept-encoding": "gzip"})
    return _gunzip(body, max_bytes)


def _gunzip(body: bytes, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while body:  # a gzip file may have several members
        member = zlib.decompressobj(GZIP_WINDOW)
        try:
            chunk = member.decompress(body, max_bytes - size + 1)
        except zlib.error:
            raise ApiError(422, "The body is not valid gzip.", "body") from None
        size += len(chunk)
        if size > max_bytes:
            raise ApiError(413, f"At most {max_bytes:,} bytes per request, after decompression.", "body")
        if not member.eof:
            raise ApiError(422, "The body is not valid gzip: it is cut short.", "body")
        chunks.append(chunk)
        body = member.unused_data
    return b"".join(chunks)


def accepts_gzip(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the client takes gzip responses: Accept-Encoding names gzip or *, with a weight above zero."""
    text = b",".join(value for name, value in headers if name == b"accept-encoding").decode("latin-1").lower()
    weights = {match[1]: float(match[2] or 1) for part in text.split(",") if (match := _coding(part))}
    return weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0))) > 0


def _coding(part: str) -> re.Match[str] | None:
    match = CODING.fullmatch(part)
    return match if match and (match[2] or "1").count(".") <= 1 and (match[2] or "1") != "." else None


class GzipSender:
    """Compress the body of one response as it is sent, if the client takes gzip and the body is text of some length.

    Pages are never compressed: they hold the token of the session beside texts of the request, and the length of a compressed
    page would tell one from the other (BREACH).
    """

    def __init__(self, send: Send, *, accepted: bool) -> None:
        """Compress nothing before the first message shows what the response is."""
        self._send, self._accepted = send, accepted
        self._start: Message | None = None
        self._compressor: Any = None

    async def __call__(self, message: Message) -> None:
        """Send a message; the start of a compressible response waits for the first part of its body."""
        if message["type"] == "http.response.start":
            if not _is_compressible(message):
                await self._send(message)
                return
            message["headers"] = [*message["headers"], (b"vary", b"accept-encoding")]
            self._start = message
            return
        if self._start is not None:
            await self._begin(message)
        if self._compressor is not None and message["type"] == "http.response.body":
            message = self._compressed(message)
        await self._send(message)

    async def _begin(self, first: Message) -> None:
        start, self._start = self._start, None
        assert start is not None  # noqa: S101  # the caller checked it
        is_long = first.get("more_body", False) or len(first.get("body", b"")) >= MIN_BYTES
        if self._accepted and is_long:
            self._compressor = zlib.compressobj(LEVEL, wbits=GZIP_WINDOW)
            kept = [(name, value) for name, value in start["headers"] if name != b"content-length"]
            start["headers"] = [*kept, (b"content-encoding", GZIP)]
        await self._send(start)

    def _compressed(self, message: Message) -> Message:
        body = self._compressor.compress(message.get("body", b""))
        if not message.get("more_body", False):
            body += self._compressor.flush()
        return {**message, "body": body}


def _is_compressible(start: Message) -> bool:
    headers = dict(start["headers"])
    is_text = headers.get(b"content-type", b"").startswith(COMPRESSIBLE)
    return is_text and b"content-encoding" not in headers and start["status"] not in {204, 304}
