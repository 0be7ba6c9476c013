from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from serving.api import make_app
from serving.score_columns import SCORE_COLUMNS
from serving.store import open_store
from settings.load import load_settings


@pytest.fixture(scope="module")
def client(demo: Path) -> Iterator[TestClient]:
    app = make_app()
    app.state.engine = open_store(load_settings(demo / "holdfast.toml", {}).store_url)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def error(reply: Any) -> dict[str, str]:  # noqa: ANN401  # httpx's reply
    assert set(reply.json()) == {"error"}
    return reply.json()["error"]


def test_scores_come_in_the_order_of_the_request_with_every_column(client: TestClient) -> None:
    reply = client.post("/score", json={"customer_ids": ["000003", "nobody", "000001", "000003"]}).json()
    assert [score["customer_id"] for score in reply["scores"]] == ["000003", "000001", "000003"]
    assert (reply["unknown"], reply["suppressed"]) == (["nobody"], [])
    assert list(reply["scores"][0]) == list(SCORE_COLUMNS)
    assert reply["scores"][0]["scored_at"].endswith("Z")
    assert date.fromisoformat(reply["scores"][0]["as_of"])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("{", "body"),
        ("{}", "customer_ids"),
        ('{"customer_ids": "000001"}', "customer_ids"),
        ('{"customer_ids": []}', "customer_ids"),
        ('{"customer_ids": [1]}', "customer_ids.0"),
        ('{"customer_ids": ["1"], "ids": []}', "ids"),
    ],
)
def test_a_malformed_request_is_422_and_names_the_field(client: TestClient, body: str, field: str) -> None:
    reply = client.post("/score", content=body, headers={"content-type": "application/json"})
    assert (reply.status_code, error(reply)["code"], error(reply)["field"]) == (422, "invalid", field)


def test_too_many_ids_are_413(client: TestClient) -> None:
    reply = client.post("/score", json={"customer_ids": ["1"] * 1001})
    assert (reply.status_code, error(reply)["message"]) == (413, "At most 1000 customer_ids per call, found 1001.")
    assert client.post("/score", json={"customer_ids": ["1"] * 1000}).status_code == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/score", 405), ("GET", "/nothing", 404)])
def test_every_error_has_one_shape(client: TestClient, method: str, path: str, status: int) -> None:
    reply = client.request(method, path)
    assert reply.status_code == status
    assert set(error(reply)) == {"code", "message"}


def test_before_the_first_run_the_answer_is_503_and_a_fault_of_ours_500(tmp_path: Path) -> None:
    app = make_app()
    app.state.engine = open_store(f"sqlite:///{tmp_path}/empty.db")
    with TestClient(app, raise_server_exceptions=False) as client:
        reply = client.post("/score", json={"customer_ids": ["1"]})
        assert (reply.status_code, error(reply)["code"]) == (503, "no_scores")
        app.state.engine = None
        reply = client.post("/score", json={"customer_ids": ["1"]})
        assert (reply.status_code, error(reply)["code"]) == (500, "internal")
