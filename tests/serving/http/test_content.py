"""Request ids, content types, compression, versions and rate limit headers: what each request got."""

import gzip
import json
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.app import make_app
from serving.http.content_coding import accepts_gzip
from serving.http.state import ServiceState
from serving.store.keys import Scope

BODY = json.dumps({"customer_ids": ["000001", "000002"]}).encode()
JSON = {"content-type": "application/json"}


def post(service: Any, content: bytes, **headers: str) -> Any:  # noqa: ANN401  # a fixture of this folder
    dashed = {name.replace("_", "-"): value for name, value in headers.items()}
    return service.client.post("/score", content=content, headers=JSON | dashed)


@pytest.mark.parametrize("coding", ["gzip", "x-gzip", "GZIP", "identity, gzip"])
def test_a_gzip_body_is_read(service: Any, coding: str) -> None:  # noqa: ANN401
    members = gzip.compress(BODY[:9]) + gzip.compress(BODY[9:])
    for content in (gzip.compress(BODY), members):
        reply = post(service, content, content_encoding=coding)
        assert (reply.status_code, len(reply.json()["scores"])) == (200, 2)


@pytest.mark.parametrize(
    ("content", "coding", "status", "text"),
    [
        (gzip.compress(BODY), "", 415, "Content-Encoding: gzip"),
        (BODY, "br", 415, "with no other coding"),
        (gzip.compress(gzip.compress(BODY)), "gzip, gzip", 415, "once"),
        (BODY, "gzip", 422, "not valid gzip"),
        (gzip.compress(BODY)[:-9], "gzip", 422, "cut short"),
        (gzip.compress(BODY) + b"more", "gzip", 422, "not valid gzip"),
        (gzip.compress(b" " * 50_000_000), "gzip", 413, "At most 4,000,000 bytes"),
        (gzip.compress(b" " * 3_000_000) * 2, "gzip", 413, "At most 4,000,000 bytes"),
    ],
    ids=["undeclared", "unknown coding", "twice", "not gzip", "cut short", "more follows", "bomb", "bomb of two members"],
)
def test_another_body_is_refused_with_the_reason(service: Any, content: bytes, coding: str, status: int, text: str) -> None:  # noqa: ANN401
    reply = post(service, content, **({"content_encoding": coding} if coding else {}))
    assert (reply.status_code, reply.json()["error"]["field"]) == (status, "body")
    assert text in reply.json()["error"]["message"]


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "text/plain",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "",
    ],
)
def test_another_content_type_is_415(service: Any, kind: str) -> None:  # noqa: ANN401
    for path in ("/score", "/score_live", "/suppressions", "/v1/score"):
        reply = service.client.post(path, content=BODY, headers={"content-type": kind} if kind else {})
        assert (reply.status_code, reply.json()["error"]["code"]) == (415, "unsupported_type")
        assert "application/json" in reply.json()["error"]["message"]


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "application/vnd.crm+json"])
def test_json_may_be_named_in_any_way(service: Any, kind: str) -> None:  # noqa: ANN401
    assert service.client.post("/score", content=BODY, headers={"content-type": kind}).status_code == 200


def test_a_long_reply_is_compressed_if_the_client_takes_it(service: Any) -> None:  # noqa: ANN401
    plain, packed = (service.client.get("/lists/at_risk", headers={"accept-encoding": coding}) for coding in ("", "gzip"))
    assert plain.json() == packed.json()
    assert (plain.headers["vary"], packed.headers["vary"]) == ("accept-encoding", "accept-encoding")
    assert ("content-encoding" in plain.headers, packed.headers["content-encoding"]) == (False, "gzip")
    download = service.client.get("/lists/at_risk?format=csv", headers={"accept-encoding": "gzip"})
    assert (download.headers["content-encoding"], download.text.count("\n") > 1) == ("gzip", True)
    parquet = service.client.get("/lists/at_risk?format=parquet", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in parquet.headers


def test_a_short_reply_and_a_page_are_not_compressed(service: Any) -> None:  # noqa: ANN401
    for path in ("/livez", "/ui/login"):
        reply = service.send("GET", path, "", headers={"accept-encoding": "gzip"})
        assert (reply.status_code, "content-encoding" in reply.headers) == (200, False)


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        (b"gzip", True), (b"br, GZIP;q=0.5", True), (b"*", True), (b"*;q=0, gzip", True), (b"x-gzip", True),
        (b"", False), (b"br", False), (b"gzip;q=0", False),
        (b"gzip;q=0.0, *", False), (b"*;q=0", False), (b"gzip;q=1.1.1", False),
    ],
)  # fmt: skip
def test_the_weights_of_accepted_codings_count(header: bytes, accepted: bool) -> None:  # noqa: FBT001
    assert accepts_gzip([(b"accept-encoding", header)]) is accepted


@pytest.mark.parametrize("sent", ["abc-DEF_1.2:3", "x" * 64, "0"])
def test_a_plain_request_id_is_returned_on_every_response(service: Any, sent: str) -> None:  # noqa: ANN401
    paths = ("/livez", "/runs/latest", "/nothing", "/lists/none", "/ui/login", "/v1/runs/latest")
    assert {service.client.get(path, headers={"x-request-id": sent}).headers["x-request-id"] for path in paths} == {sent}
    assert service.send("GET", "/lists", "", headers={"x-request-id": sent}).headers["x-request-id"] == sent


@pytest.mark.parametrize("sent", ["x" * 65, "a b", "me@shop.example", "<script>", "ä", ""])
def test_another_request_id_is_replaced(service: Any, sent: str) -> None:  # noqa: ANN401
    reply = service.client.get("/livez", headers={"x-request-id": sent.encode()})
    assert reply.status_code == 200
    assert len(reply.headers["x-request-id"]) == 16


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/runs/latest", 200), ("/v1/lists", 200), ("/v1/livez", 200), ("/v1/docs.json", 200), ("/v1/customers/000001", 200),
     ("/v1/v1/lists", 404), ("/v1", 404), ("/v1/ui/week", 404), ("/v1/", 404), ("/v2/lists", 404), ("/v1lists", 404)],
)  # fmt: skip
def test_every_api_route_has_a_version_and_keeps_its_old_path(service: Any, path: str, status: int) -> None:  # noqa: ANN401
    assert service.client.get(path).status_code == status
    if status == 200:
        assert service.client.get(path.removeprefix("/v1")).status_code == 200


def test_the_version_opens_nothing_without_a_key(service: Any) -> None:  # noqa: ANN401
    assert service.send("GET", "/v1/lists", "").status_code == 401
    assert service.client.put("/v1/score").headers["allow"] == "POST"


def test_the_current_run_is_open_to_the_scope_score_and_list_only(service: Any) -> None:  # noqa: ANN401
    statuses = {scope: service.send("GET", "/runs/latest", service.key(scope)).status_code for scope in Scope}
    assert statuses == {Scope.SCORE: 200, Scope.LIST: 200, Scope.ISSUE: 403, Scope.DETAILS: 403, Scope.ADMIN: 403}


def test_rate_limit_headers_count_down(service: Any) -> None:  # noqa: ANN401
    settings = service.state.settings
    state = ServiceState(
        replace(settings, serving=replace(settings.serving, requests_per_minute=2)), service.state.engine, service.state.identity
    )
    with TestClient(make_app(state), headers=dict(service.client.headers)) as client:
        replies = [client.get("/runs/latest") for _ in range(3)]
        health = client.get("/livez")
    assert [reply.status_code for reply in replies] == [200, 200, 429]
    assert [reply.headers["ratelimit-remaining"] for reply in replies] == ["1", "0", "0"]
    assert {reply.headers["ratelimit-limit"] for reply in replies} == {"2"}
    assert all(1 <= int(reply.headers["ratelimit-reset"]) <= 60 for reply in replies)
    assert replies[2].headers["ratelimit-reset"] == replies[2].headers["retry-after"]
    assert "ratelimit-limit" not in health.headers
