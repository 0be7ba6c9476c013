from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from serving.app import make_app
from serving.http.state import ServiceState
from serving.store.keys import Scope, create_key
from settings.clock import utc_now
from settings.load import load_settings


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    (tmp_path / "holdfast.toml").write_text('[tables]\ntransactions = "none.csv"\n', encoding="utf-8")
    state = ServiceState.open(load_settings(tmp_path / "holdfast.toml", {}))
    key = create_key(state.engine, "me", list(Scope), 1, utc_now())
    with TestClient(make_app(state), headers={"authorization": f"Bearer {key}"}) as client:
        yield client
    state.engine.dispose()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/score", {"customer_ids": ["1"]}),
        ("POST", "/score_live", {"customers": [{"customer_id": "1", "transactions": []}]}),
        ("GET", "/lists/at_risk", None),
        ("GET", "/customers/1", None),
        ("GET", "/runs/latest", None),
        ("GET", "/readyz", None),
    ],
)
def test_the_answer_is_503_and_says_what_to_run(client: TestClient, method: str, path: str, body: object) -> None:
    reply = client.request(method, path, json=body)
    assert reply.status_code == 503
    assert reply.json()["error"]["code"] == ("not_ready" if path == "/readyz" else "no_scores")
    assert "run `score` first" in reply.json()["error"]["message"]


def test_the_process_reports_that_it_is_alive(client: TestClient) -> None:
    assert client.get("/livez").json() == {"status": "alive"}
    assert client.get("/lists").json() == {"lists": []}
    assert "holdfast_ready 0.0" in client.get("/metrics").text
