"""A bounded load on a server of this machine: so many connections, so many requests, each timed. Standard library only."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

LOOPBACK = "127.0.0.1"


@dataclass
class Load:
    """What came back: seconds per answer, how often each status, and how many requests had no whole answer."""

    seconds: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    broken: int = 0
    took: float = 0.0

    @property
    def per_second(self) -> float:
        """Answers per second."""
        return len(self.seconds) / self.took

    def at(self, share: float) -> float:
        """Milliseconds within which this share of the answers came."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def request(path: str, body: bytes, key: str = "") -> bytes:
    """Return a POST request as it goes over the wire."""
    head = f"POST {path} HTTP/1.1\r\nhost: {LOOPBACK}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return (head + (f"authorization: Bearer {key}\r\n" if key else "") + "\r\n").encode() + body


def load(port: int, requests: Sequence[bytes], connections: int) -> Load:
    """Send every request once, over so many connections that are kept open."""
    return asyncio.run(_load(port, requests, connections))


async def _load(port: int, requests: Sequence[bytes], connections: int) -> Load:
    found, waiting = Load(), iter(requests)
    started = time.perf_counter()
    await asyncio.gather(*(_connection(port, waiting, found) for _ in range(connections)))
    found.took = time.perf_counter() - started
    return found


async def _connection(port: int, waiting: object, found: Load) -> None:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    for message in waiting:  # type: ignore[attr-defined]  # shared by all connections
        began = time.perf_counter()
        writer.write(message)
        try:
            status, _ = await answer(reader)
        except (asyncio.IncompleteReadError, OSError):
            found.broken += 1
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
            continue
        found.seconds.append(time.perf_counter() - began)
        found.statuses[status] = found.statuses.get(status, 0) + 1
    writer.close()


async def answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one answer: its status and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next((int(line.split(":")[1]) for line in head.split("\r\n") if line.startswith("content-length:")), 0)
    return int(head.split(" ", 2)[1]), await reader.readexactly(length)
