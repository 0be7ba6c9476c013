"""A bounded load on a local server: a fixed number of requests over a fixed number of connections, each timed."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

LOOPBACK = "127.0.0.1"


@dataclass
class LoadResult:
    """The seconds per response, the responses by status, the requests without a complete response, and the total time."""

    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    broken: int = 0
    total_seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """Responses per second."""
        return len(self.seconds) / self.total_seconds

    def latency_ms(self, share: float) -> float:
        """Return the latency in milliseconds within which a share of the responses came."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def request(path: str, body: bytes, key: str = "") -> bytes:
    """Return the bytes of a POST request."""
    head = f"POST {path} HTTP/1.1\r\nhost: {LOOPBACK}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return (head + (f"authorization: Bearer {key}\r\n" if key else "") + "\r\n").encode() + body


def run_load(port: int, requests: Sequence[bytes], connections: int) -> LoadResult:
    """Send each request once, over a number of kept-alive connections."""
    return asyncio.run(_run_load(port, requests, connections))


async def _run_load(port: int, requests: Sequence[bytes], connections: int) -> LoadResult:
    result, queue = LoadResult(), iter(requests)
    started = time.perf_counter()
    await asyncio.gather(*(_run_connection(port, queue, result) for _ in range(connections)))
    result.total_seconds = time.perf_counter() - started
    return result


async def _run_connection(port: int, queue: Iterator[bytes], result: LoadResult) -> None:
    """Send requests from a queue that all connections share."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    for message in queue:
        started = time.perf_counter()
        writer.write(message)
        try:
            status, _ = await read_response(reader)
        except (asyncio.IncompleteReadError, OSError):
            result.broken += 1
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            continue
        result.seconds.append(time.perf_counter() - started)
        result.statuses[status] = result.statuses.get(status, 0) + 1
    writer.close()


async def read_response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return the status and the body of one response."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next((int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
    return int(head.split(" ", 2)[1]), await reader.readexactly(length)
