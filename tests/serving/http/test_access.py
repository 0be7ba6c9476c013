import asyncio
import io
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.app import make_api, make_app
from serving.http.logging import open_log
from serving.http.state import ServiceState
from serving.store.keys import KeyRefusedError, Scope, create_key, find_client, list_keys, revoke_key
from settings.clock import utc_now

SCORE_REQUEST = {"customer_ids": ["000001"]}
SECURITY = {"x-content-type-options": "nosniff", "cache-control": "no-store", "x-frame-options": "DENY"}


@pytest.fixture
def client_with(service: Any) -> Iterator[Any]:  # noqa: ANN401  # a fixture of this folder
    """Return a function that makes a client for the same store with other settings of [serving]."""

    def make(**serving: object) -> TestClient:
        settings = service.state.settings
        state = ServiceState(
            replace(settings, serving=replace(settings.serving, **serving)), service.state.engine, service.state.identity
        )
        return TestClient(make_app(state), raise_server_exceptions=False, headers=dict(service.client.headers))

    return make


@pytest.fixture
def log(service: Any, monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:  # noqa: ANN401  # a fixture of this folder
    """The log of the service."""
    stream = io.BytesIO()
    monkeypatch.setattr(service.client.app, "log", open_log(stream))
    return stream


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/score"),
        ("POST", "/score_live"),
        ("GET", "/lists"),
        ("GET", "/lists/at_risk"),
        ("GET", "/customers/000001"),
        ("GET", "/runs/latest"),
        ("POST", "/suppressions"),
        ("DELETE", "/customers/000001"),
        ("GET", "/metrics"),
        ("GET", "/docs.json"),
        ("GET", "/schema.json"),
        ("GET", "/static_content/index.css"),
        ("GET", "/anything"),
    ],
)
def test_without_a_key_every_route_but_health_is_closed(service: Any, method: str, path: str) -> None:  # noqa: ANN401
    reply = service.send(method, path, "")
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, "no_key")
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_health_is_open(service: Any, path: str) -> None:  # noqa: ANN401
    assert service.send("GET", path, "").status_code == 200


def test_every_route_but_health_needs_a_key() -> None:
    document = make_api().openapi()["paths"]
    open_routes = {path for path, methods in document.items() for operation in methods.values() if "security" not in operation}
    assert open_routes == {"/livez", "/readyz"}


@pytest.mark.parametrize(
    ("scope", "method", "path", "body"),
    [
        (Scope.SCORE, "GET", "/lists", None),
        (Scope.SCORE, "GET", "/lists/at_risk", None),
        (Scope.SCORE, "GET", "/customers/000001", None),
        (Scope.SCORE, "DELETE", "/customers/000001", None),
        (Scope.LIST, "POST", "/score", SCORE_REQUEST),
        (Scope.LIST, "POST", "/suppressions", {"customer_id": "000001"}),
        (Scope.LIST, "DELETE", "/customers/000001", None),
        (Scope.ADMIN, "POST", "/score", SCORE_REQUEST),
        (Scope.ADMIN, "GET", "/lists/at_risk", None),
    ],
)
def test_a_key_opens_only_the_routes_of_its_scope(service: Any, scope: Scope, method: str, path: str, body: Any) -> None:  # noqa: ANN401
    reply = service.send(method, path, service.key(scope), json=body)
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "wrong_scope")
    assert service.send("GET", "/docs.json", service.key(scope)).status_code == 200


def test_wrong_expired_and_revoked_keys_get_the_same_answer(service: Any) -> None:  # noqa: ANN401
    good = service.key(Scope.SCORE)
    assert service.send("POST", "/score", good, json=SCORE_REQUEST).status_code == 200
    expired = service.key(Scope.SCORE, days=1, now=utc_now() - timedelta(days=2))
    revoked = service.key(Scope.SCORE)
    revoke_key(service.state.engine, revoked.split("_")[1], utc_now())
    wrong = [good[:-1] + ("A" if good[-1] != "A" else "B"), good.upper(), good.split("_")[2], "hf_", "hf_0_", "x" * 500, "hf_%_é"]
    for key in (expired, revoked, *wrong):
        reply = service.send("POST", "/score", headers={"authorization": f"Bearer {key}".encode()}, json=SCORE_REQUEST)
        assert (reply.status_code, reply.json()["error"]["message"]) in {
            (401, "The key is unknown, expired or revoked."),
            (401, "Send a key: Authorization: Bearer <key>."),
        }
    assert service.send("POST", "/score", headers={"authorization": f"Basic {good}"}, json=SCORE_REQUEST).status_code == 401


def test_a_client_may_have_two_live_keys_for_rotation(store: Any) -> None:  # noqa: ANN401
    now = utc_now()
    first, second = (create_key(store, "crm", [Scope.SCORE], 30, now) for _ in range(2))
    with pytest.raises(KeyRefusedError, match="crm has 2 live keys"):
        create_key(store, "crm", [Scope.SCORE], 30, now)
    revoke_key(store, first.split("_")[1], now)
    third = create_key(store, "crm", [Scope.SCORE, Scope.LIST], 30, now)
    assert [find_client(store, key, now) is not None for key in (first, second, third)] == [False, True, True]
    assert find_client(store, third, now + timedelta(days=30)) is None
    assert not any(first in str(row) or first.split("_", 2)[2] in str(row) for row in list_keys(store))
    with pytest.raises(KeyRefusedError, match="There is no key"):
        revoke_key(store, "nothing", now)


def test_too_many_requests_with_one_key_are_429_with_the_seconds_to_wait(client_with: Any) -> None:  # noqa: ANN401
    with client_with(requests_per_minute=3) as client:
        replies = [client.get("/runs/latest") for _ in range(5)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429, 429]
    assert 1 <= int(replies[-1].headers["retry-after"]) <= 60
    assert replies[-1].json()["error"]["code"] == "too_often"


def test_a_body_above_the_limit_is_413_with_and_without_a_declared_length(client_with: Any) -> None:  # noqa: ANN401
    def chunks() -> Iterator[bytes]:
        yield from [b"x" * 600] * 2

    with client_with(max_body_bytes=1_000) as client:
        declared = client.post("/score", content=b"x" * 1_001)
        chunked = client.post("/score", content=chunks())
    assert [(reply.status_code, reply.json()["error"]["code"]) for reply in (declared, chunked)] == [(413, "too_many")] * 2


def test_development_mode_needs_no_key_on_loopback_only(client_with: Any) -> None:  # noqa: ANN401
    client = client_with(development=True)
    outside = TestClient(client.app, client=("10.1.2.3", 5), base_url="http://10.1.2.3")
    assert outside.get("/runs/latest").status_code == 403
    inside = TestClient(client.app, client=("127.0.0.1", 5), base_url="http://127.0.0.1")
    assert inside.get("/runs/latest").status_code == 200


@pytest.mark.parametrize(("name", "path"), [("open_metrics", "/metrics"), ("open_docs", "/docs.json")])
def test_metrics_and_the_document_can_be_opened(client_with: Any, name: str, path: str) -> None:  # noqa: ANN401
    assert TestClient(client_with(**{name: True}).app).get(path).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/score", 405), ("GET", "/nothing", 404), ("GET", "/lists/none", 404), ("POST", "/livez", 405)],
)
def test_every_error_has_the_same_format_and_headers(
    service: Any,  # noqa: ANN401
    method: str,
    path: str,
    status: int,
) -> None:
    reply = service.client.request(method, path)
    assert reply.status_code == status
    assert {"code", "message"} <= set(reply.json()["error"]) <= {"code", "message", "field"}
    assert {name: reply.headers[name] for name in SECURITY} == SECURITY
    assert reply.headers["x-request-id"]


def test_an_internal_error_is_500_with_an_id_and_its_text_is_not_exposed(
    service: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
    log: io.BytesIO,
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("customer 000001 is secret")

    monkeypatch.setattr("serving.api.scores.stored_scores", fail)
    reply = service.client.post("/score", json=SCORE_REQUEST)
    assert (reply.status_code, reply.json()["error"]["code"]) == (500, "internal")
    assert "secret" not in reply.text
    entries = [json.loads(line) for line in log.getvalue().splitlines()]
    [fault] = [entry for entry in entries if entry["event"] == "fault"]
    assert (fault["request_id"], fault["error"]) == (reply.json()["error"]["request_id"], "ValueError")
    assert not any("000001" in json.dumps(entry) for entry in entries)


def test_a_store_that_does_not_answer_is_503_and_recovers(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    import sqlalchemy as sa

    def disconnect(*_: object) -> None:
        raise sa.exc.OperationalError("select", {}, Exception("the server closed the connection"))

    monkeypatch.setattr("serving.http.state.find_rows", disconnect)
    reply = service.client.post("/score", json=SCORE_REQUEST)
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "store_unavailable")
    assert int(reply.headers["retry-after"]) > 0
    monkeypatch.undo()
    assert service.client.post("/score", json=SCORE_REQUEST).status_code == 200


def test_no_id_is_in_logs_or_metrics(service: Any, log: io.BytesIO) -> None:  # noqa: ANN401
    service.client.get("/customers/000017")
    service.client.get("/customers/not-a-customer-17")
    service.client.get("/000017")
    service.client.post("/score", json={"customer_ids": ["000017"]})
    metrics = service.client.get("/metrics").text
    output = log.getvalue().decode() + metrics
    assert "/customers/{customer_id}" in output
    assert 'holdfast_requests_total{method="GET",route="unmatched",status="404"}' in metrics
    assert "holdfast_run_rows 700.0" in metrics
    assert "holdfast_score_age_seconds" in metrics
    assert "000017" not in output
    assert "customer-17" not in output


def test_a_body_that_does_not_arrive_in_time_is_408(client_with: Any) -> None:  # noqa: ANN401
    async def slow() -> dict[str, object]:
        await asyncio.sleep(5)
        return {"type": "http.request", "body": b"{}", "more_body": False}

    app, key = client_with(body_seconds=0.05).app, service_key(client_with)
    messages: list[Any] = []

    async def send(message: Any) -> None:  # noqa: ANN401  # ASGI
        messages.append(message)

    headers = [(b"authorization", key.encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": "/score", "headers": headers, "query_string": b"", "client": None}
    asyncio.run(app(scope, slow, send))
    assert messages[0]["status"] == 408
    assert json.loads(messages[1]["body"])["error"]["code"] == "too_slow"


def test_a_request_that_takes_too_long_is_503(client_with: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    monkeypatch.setattr("serving.api.system.exposition", lambda _: time.sleep(0.5))
    with client_with(request_seconds=0.1) as client:
        reply = client.get("/metrics")
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "unavailable")


def service_key(client_with: Any) -> str:  # noqa: ANN401  # a fixture
    return str(client_with().headers["authorization"])
