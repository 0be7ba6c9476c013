from datetime import UTC, date, datetime
from typing import Any

import pytest

from serving.schemas.scores import SCORE_COLUMNS


def error(reply: Any) -> dict[str, str]:  # noqa: ANN401  # httpx's reply
    assert set(reply.json()) == {"error"}
    return reply.json()["error"]


def test_scores_come_in_the_order_of_the_request_with_every_column(service: Any) -> None:  # noqa: ANN401
    reply = service.client.post("/score", json={"customer_ids": ["000003", "unknown", "000001", "000003"]}).json()
    assert [score["customer_id"] for score in reply["scores"]] == ["000003", "000001", "000003"]
    assert (reply["unknown"], reply["suppressed"]) == (["unknown"], [])
    assert list(reply["scores"][0]) == [*SCORE_COLUMNS, "stale"]
    assert reply["scores"][0]["scored_at"].endswith("Z")
    assert date.fromisoformat(reply["scores"][0]["as_of"])
    assert isinstance(reply["scores"][0]["reasons"][0]["text"], str)


def test_the_reply_names_its_run_and_whether_it_is_stale(service: Any) -> None:  # noqa: ANN401
    reply = service.client.post("/score", json={"customer_ids": ["000003"]}).json()
    score = reply["scores"][0]
    assert {name: reply[name] for name in ("as_of", "scored_at", "model_version", "stale")} == {
        name: score[name] for name in ("as_of", "scored_at", "model_version", "stale")
    }
    days = (datetime.now(UTC).date() - date.fromisoformat(reply["as_of"])).days
    assert reply["stale"] is (days > 8)
    run = service.client.get("/runs/latest").json()
    assert (run["as_of"], run["rows"], run["horizon_days"]) == (reply["as_of"], 700, 91)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ("{", "body"),
        ("[" * 100_000, "body"),
        ('{"customer_ids": ["\\ud800"]}', "body"),
        ('{"customer_ids": [NaN]}', "body"),
        ("{}", "customer_ids"),
        ('{"customer_ids": "000001"}', "customer_ids"),
        ('{"customer_ids": []}', "customer_ids"),
        ('{"customer_ids": [1]}', "customer_ids.0"),
        ('{"customer_ids": ["a\\u0000b"]}', "customer_ids.0"),
        ('{"customer_ids": ["ok", "%s"]}' % ("é" * 257), "customer_ids.1"),
        ('{"customer_ids": ["1"], "ids": []}', "ids"),
    ],
)
def test_a_malformed_request_is_422_and_names_the_field(service: Any, body: str, field: str) -> None:  # noqa: ANN401
    reply = service.client.post("/score", content=body, headers={"content-type": "application/json"})
    assert (reply.status_code, error(reply)["code"], error(reply)["field"]) == (422, "invalid", field)


def test_too_many_ids_are_413(service: Any) -> None:  # noqa: ANN401
    reply = service.client.post("/score", json={"customer_ids": ["1"] * 1001})
    assert (reply.status_code, error(reply)["message"]) == (413, "At most 1,000 customer_ids per call, found 1,001.")
    assert service.client.post("/score", json={"customer_ids": ["1"] * 1000}).status_code == 200


def test_sql_in_ids_is_an_unknown_id(service: Any) -> None:  # noqa: ANN401
    sql_ids = ["'; drop table scoring_runs; --", '" or 1=1', "%", "000001%", "\\", "{}", "000001,000002"]
    reply = service.client.post("/score", json={"customer_ids": [*sql_ids, "000001"]}).json()
    assert reply["unknown"] == sql_ids
    assert [score["customer_id"] for score in reply["scores"]] == ["000001"]
