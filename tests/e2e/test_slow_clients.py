"""Slow and oversized headers, and wrong keys, against a real server with two workers."""

import json
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEADER_SECONDS, MAX_HEADER_BYTES = 1.0, 8_192


@pytest.fixture(scope="module")
def address(
    tmp_path_factory: pytest.TempPathFactory,
    new_port: Any,  # noqa: ANN401  # fixtures of this folder
    run_server: Any,  # noqa: ANN401
) -> Iterator[tuple[str, int]]:
    """The address of a server with an empty store."""
    folder, port = tmp_path_factory.mktemp("serve"), new_port()
    limits = f"header_seconds = {HEADER_SECONDS}\nmax_header_bytes = {MAX_HEADER_BYTES}\n"
    (folder / "holdfast.toml").write_text(f'[tables]\ntransactions = "orders.csv"\n[serving]\n{limits}')
    options = ["--config", str(folder / "holdfast.toml"), "--port", str(port), "--workers", "2"]
    with run_server(
        [sys.executable, "-m", "holdfast", "serve", *options], port, folder / "log", ready="livez", PYTHONPATH=str(ROOT)
    ):
        yield "127.0.0.1", port


def exchange(address: tuple[str, int], *parts: bytes, pause: float = 0.0) -> tuple[bytes, float]:
    """Send parts with pauses until the server closes the connection; return its answer and the seconds until then."""
    started = time.perf_counter()
    with socket.create_connection(address, timeout=15) as connection:
        for part in parts:
            try:
                connection.sendall(part)
            except OSError:
                break
            time.sleep(pause)
        answer = b""
        try:
            while chunk := connection.recv(65_536):
                answer += chunk
        except ConnectionResetError:
            pass
    return answer, time.perf_counter() - started


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


REQUEST = b"GET /livez HTTP/1.1\r\nhost: a\r\n"


@pytest.mark.timeout(120)
@pytest.mark.slow
def test_headers_that_arrive_slowly_are_408_in_time(address: tuple[str, int]) -> None:
    slow = [REQUEST, *(f"x-{number}: 1\r\n".encode() for number in range(60))]
    answer, seconds = exchange(address, *slow, pause=0.1)
    assert status_of(answer) == 408
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "too_slow"
    assert b"x-request-id: " in answer
    assert seconds < 60 * 0.1


@pytest.mark.timeout(120)
@pytest.mark.slow
def test_a_silent_connection_is_closed_in_time(address: tuple[str, int]) -> None:
    for first in (b"", REQUEST + b"\r\n"):
        answer, seconds = exchange(address, first)
        assert seconds < HEADER_SECONDS + 6  # a connection that was used stays open for five seconds
        assert answer == b"" or status_of(answer) == 200
    for parts in ([REQUEST + b"\r\n", REQUEST], [REQUEST + b"\r\n" + REQUEST]):
        answer, seconds = exchange(address, *parts, pause=0.3)
        assert answer.count(b"HTTP/1.1 200") == 1
        assert answer.find(b"HTTP/1.1 408") > answer.find(b"HTTP/1.1 200")
        assert seconds < HEADER_SECONDS + 3


@pytest.mark.timeout(120)
@pytest.mark.slow
@pytest.mark.parametrize(
    "parts",
    [
        [REQUEST, b"x: " + b"a" * MAX_HEADER_BYTES + b"\r\n\r\n"],
        [REQUEST, b"x: " + b"a" * 5_000, b"a" * 5_000],
        [b"GET /" + b"a" * MAX_HEADER_BYTES],
        [REQUEST, *[b"x: 1\r\n" * 500] * 3],
        [REQUEST + b"\r\n" + b"GET /livez HTTP/1.1\r\n", b"x: " + b"a" * 10_000],
        [REQUEST + b"\r\n" + b"GET /livez HTTP/1.1\r\n" + b"x: " + b"a" * 10_000],
        [(REQUEST + b"\r\n") * 3 + REQUEST + b"x: " + b"a" * 10_000],
        [b"GET /" + b"a" * 50_000] * 5,
    ],
)
def test_headers_above_the_limit_are_431(address: tuple[str, int], parts: list[bytes]) -> None:
    answer, seconds = exchange(address, *parts, pause=0.05)
    assert b"HTTP/1.1 431" in answer
    assert b'"code":"too_large"' in answer
    assert seconds < HEADER_SECONDS


@pytest.mark.timeout(120)
@pytest.mark.slow
def test_a_body_does_not_count_as_headers_and_other_clients_are_served_meanwhile(address: tuple[str, int]) -> None:
    body = b"a" * 4 * MAX_HEADER_BYTES
    head = b"POST /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    with ExitStack() as stack:
        waiting = [stack.enter_context(socket.create_connection(address, timeout=15)) for _ in range(200)]
        for connection in waiting:
            connection.sendall(REQUEST)
        for parts in ([head + body], [head, body], [head[:-3], head[-3:] + body]):
            answer, seconds = exchange(address, *parts, pause=0.02)
            assert (status_of(answer), seconds < HEADER_SECONDS) == (405, True)
        assert {connection.recv(4_096)[:12] for connection in waiting} == {b"HTTP/1.1 408"}


@pytest.mark.timeout(120)
@pytest.mark.slow
def test_a_request_that_is_not_http_is_400_in_the_format_of_all_errors(address: tuple[str, int]) -> None:
    answer, _ = exchange(address, b"\x16\x03\x01 nonsense\r\n\r\n")
    assert status_of(answer) == 400
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "bad_request"


@pytest.mark.timeout(120)
@pytest.mark.slow
def test_wrong_keys_are_limited_over_all_workers(address: tuple[str, int]) -> None:
    def status() -> int:
        request = urllib.request.Request(
            f"http://{address[0]}:{address[1]}/lists", headers={"authorization": "Bearer hf_00000000_wrong"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10):  # noqa: S310  # loopback
                return 200
        except urllib.error.HTTPError as error:
            return error.code

    statuses = [status() for _ in range(30)]
    assert (statuses.count(401), statuses.count(429)) == (20, 10)
