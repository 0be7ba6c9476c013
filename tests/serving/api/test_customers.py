from typing import Any

from serving.schemas.scores import SCORE_COLUMNS


def test_a_customer_has_a_score_and_a_history_with_reasons(service: Any) -> None:  # noqa: ANN401
    card = service.client.get("/customers/000001").json()
    assert list(card["score"]) == [*SCORE_COLUMNS, "stale"]
    [entry] = card["history"]
    assert (entry["as_of"], entry["p_churn"]) == (card["score"]["as_of"], card["score"]["p_churn"])
    assert entry["reasons"] == card["score"]["reasons"]
    assert entry["scored_at"].endswith("Z")


def test_an_unknown_customer_is_404_for_any_path(service: Any) -> None:  # noqa: ANN401
    paths = ("unknown", "a/b", "..%2F..%2Fetc%2Fpasswd", "%2e%2e/keys", "'%20or%201=1", "%F0%9F%92%A9", "%00", "%ED%A0%80")
    for path in (*paths, "x" * 300):
        reply = service.client.get(f"/customers/{path}")
        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found"), path
