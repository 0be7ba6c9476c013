"""Live scores equal the scores of the run, by the same functions."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from features.tables.schema import ALL_TABLES, CUSTOMERS

CUSTOMER_IDS = [f"{number:06d}" for number in range(1, 61)]
NOW = datetime.now(UTC)
RELATIVE_TOLERANCE = 1e-12


def history(service: Any, customer: str, *tables: str) -> dict[str, Any]:  # noqa: ANN401  # a fixture of this folder
    """Return the stored rows of a customer in the format of a request."""
    rows: dict[str, Any] = {"customer_id": customer}
    for name in tables or ALL_TABLES:
        frame = pl.read_parquet(service.state.settings.workspace.path / "tables" / f"{name}.parquet")
        is_customer = pl.col("customer_id") == customer
        is_selected = is_customer | (pl.col("referred_by") == customer) if name == CUSTOMERS.name else is_customer
        selected = frame.filter(is_selected).with_columns(pl.col(pl.Datetime).dt.to_string("iso"))
        rows[name] = (selected if name == CUSTOMERS.name else selected.drop("customer_id")).to_dicts()
    return rows


def assert_equal(scores: list[dict[str, Any]], others: list[dict[str, Any]]) -> None:
    """Compare scores, numbers to the last digits: the Pareto integral sums in another order for one row than for many."""
    assert len(scores) == len(others)
    for score, other in zip(scores, others, strict=True):
        for name in score.keys() - {"scored_at", "reasons"}:
            is_number = isinstance(score[name], float)
            assert score[name] == (pytest.approx(other[name], rel=RELATIVE_TOLERANCE) if is_number else other[name]), name
        reasons, other_reasons = score["reasons"] or [], other["reasons"] or []
        assert [reason["text"] for reason in reasons] == [reason["text"] for reason in other_reasons]
        weights = [reason["weight"] for reason in other_reasons]
        assert [reason["weight"] for reason in reasons] == pytest.approx(weights, rel=RELATIVE_TOLERANCE)


def score_live(service: Any, *customers: dict[str, Any], **fields: Any) -> Any:  # noqa: ANN401  # JSON
    reply = service.client.post("/score_live", json={"customers": list(customers)} | fields)
    assert reply.status_code == 200, reply.text
    return reply.json()


def stored(service: Any, *customers: str) -> Any:  # noqa: ANN401  # JSON
    return service.client.post("/score", json={"customer_ids": list(customers)}).json()


def test_the_same_history_gives_the_score_of_the_run_to_the_last_digits(service: Any) -> None:  # noqa: ANN401
    live = score_live(service, *(history(service, customer_id) for customer_id in CUSTOMER_IDS))
    batch = stored(service, *CUSTOMER_IDS)
    assert [score["customer_id"] for score in live["scores"]] == CUSTOMER_IDS
    assert_equal(live["scores"], batch["scores"])
    assert {score["no_score_reason"] for score in live["scores"]} == {None, "prospect"}


def test_a_customer_scores_the_same_alone_and_in_a_batch(service: Any) -> None:  # noqa: ANN401
    alone = [score_live(service, history(service, customer_id))["scores"][0] for customer_id in CUSTOMER_IDS[:5]]
    together = score_live(service, *(history(service, customer_id) for customer_id in CUSTOMER_IDS[:5]))["scores"]
    assert_equal(alone, together)


def test_an_overlay_without_new_rows_gives_the_stored_score(service: Any) -> None:  # noqa: ANN401
    live = score_live(service, *({"customer_id": customer_id, "overlay": True} for customer_id in CUSTOMER_IDS))
    batch = stored(service, *CUSTOMER_IDS)
    assert_equal(live["scores"], batch["scores"])


def test_a_new_complaint_changes_score_and_reasons(service: Any) -> None:  # noqa: ANN401
    scored = [score for score in stored(service, *CUSTOMER_IDS)["scores"] if score["no_score_reason"] is None]
    calm = [score for score in scored if score["open_complaints"] == 0 and score["p_churn"] < 0.9]
    as_of = calm[0]["as_of"]
    opened = f"{date.fromisoformat(as_of) - timedelta(days=1)}T23:59:00Z"
    ids = [score["customer_id"] for score in calm]
    customers = [{"customer_id": id_, "overlay": True, "complaints": [{"complaint_id": id_, "opened_at": opened}]} for id_ in ids]
    angry = score_live(service, *customers)
    assert angry["as_of"] == as_of
    assert [score["open_complaints"] for score in angry["scores"]] == [1] * len(calm)
    assert any(new["p_churn"] != old["p_churn"] for new, old in zip(angry["scores"], calm, strict=True))
    assert any(new["reasons"] != old["reasons"] for new, old in zip(angry["scores"], calm, strict=True))
    assert {score["action"] for score in angry["scores"]} <= {"recovery", "none"}


def test_an_event_of_today_counts_from_tomorrow_and_a_changed_complaint_replaces_its_old_version(service: Any) -> None:  # noqa: ANN401
    opened = {"complaint_id": "new", "opened_at": (NOW - timedelta(minutes=1)).isoformat()}
    customer = {"customer_id": CUSTOMER_IDS[1], "overlay": True}
    angry = score_live(service, customer | {"complaints": [opened]})
    assert angry["as_of"] == str(NOW.date() + timedelta(days=1))
    assert angry["scores"][0]["open_complaints"] == 1
    resolved = opened | {"resolved_at": NOW.isoformat(), "satisfied": True}
    settled = score_live(service, customer | {"complaints": [resolved]})
    assert settled["scores"][0]["open_complaints"] == 0


def test_a_missing_table_is_unknown_and_an_empty_one_is_known_to_be_empty(service: Any) -> None:  # noqa: ANN401
    orders = history(service, CUSTOMER_IDS[0], "transactions")
    missing = score_live(service, orders)["scores"][0]
    empty = score_live(service, orders | {"complaints": []})["scores"][0]
    assert (missing["open_complaints"], empty["open_complaints"]) == (None, 0)


def test_events_from_the_as_of_date_on_do_not_count(service: Any) -> None:  # noqa: ANN401
    rows = history(service, CUSTOMER_IDS[1])
    as_of = date.fromisoformat(stored(service, CUSTOMER_IDS[1])["as_of"])
    later = {"order_id": "later", "ordered_at": f"{as_of}T00:00:00", "amount": 999.0}
    before = score_live(service, rows, as_of=str(as_of))
    after = score_live(service, rows | {"transactions": [*rows["transactions"], later]}, as_of=str(as_of))
    assert_equal(before["scores"], after["scores"])


def test_a_customer_without_history_is_unknown_and_a_new_customer_is_scored(service: Any) -> None:  # noqa: ANN401
    order = {"order_id": "1", "ordered_at": "2025-02-09T12:00:00+02:00", "amount": 20}
    reply = score_live(
        service,
        {"customer_id": "unknown", "overlay": True},
        {"customer_id": "empty", "transactions": []},
        {"customer_id": "new", "transactions": [order]},
    )
    assert reply["unknown"] == ["unknown", "empty"]
    [new] = reply["scores"]
    assert (new["customer_id"], new["orders"], new["lifecycle_stage"]) == ("new", 1, "first_time")
    assert 0 < new["p_churn"] < 1
    assert 0 < new["churn_percentile"] <= 100


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"customers": []}, 422, "customers"),
        ({"as_of": "2999-01-01"}, 422, "as_of"),
        ({"as_of": "1990-01-01"}, 422, "as_of"),
        ({"as_of": str(date(2020, 1, 1))}, 422, "as_of"),
        ({"customers": [{"customer_id": 7, "transactions": []}]}, 422, "customers.0.customer_id"),
        ({"customers": [{"customer_id": "a", "orders": []}]}, 422, "customers.0.orders"),
        ({"customers": [{"customer_id": "a"}, {"customer_id": "a"}]}, 422, "body"),
        ({"customers": [{"customer_id": f"c{n}"} for n in range(101)]}, 413, "customers"),
    ],
)
def test_a_malformed_request_names_the_field(service: Any, change: dict[str, Any], status: int, field: str) -> None:  # noqa: ANN401
    body = {"customers": [{"customer_id": "a", "transactions": []}]} | change
    reply = service.client.post("/score_live", json=body)
    assert (reply.status_code, reply.json()["error"]["field"]) == (status, field)


@pytest.mark.parametrize(
    ("row", "cell"),
    [
        ({"ordered_at": "yesterday"}, "ordered_at"),
        ({"ordered_at": "0001-01-01T00:00:00"}, "ordered_at"),
        ({"amount": "much"}, "amount"),
        ({"amount": 1e300}, "amount"),
        ({"order_id": None}, "order_id"),
        ({"quantity": "x"}, "quantity"),
    ],
)
def test_an_invalid_row_names_its_cell(service: Any, row: dict[str, Any], cell: str) -> None:  # noqa: ANN401
    good = {"order_id": "1", "ordered_at": "2025-01-01", "amount": 1.0}
    body = {"customers": [{"customer_id": "a", "transactions": [good, good | row]}]}
    reply = service.client.post("/score_live", json=body)
    assert (reply.status_code, reply.json()["error"]["field"]) == (422, f"customers.0.transactions.1.{cell}")


FUTURE = str(NOW.date() + timedelta(days=3))


@pytest.mark.parametrize(
    ("table", "row", "column"),
    [
        ("transactions", {"order_id": "1", "ordered_at": "2099-01-01", "amount": 1.0}, "ordered_at"),
        ("transactions", {"order_id": "1", "ordered_at": FUTURE, "amount": 1.0}, "ordered_at"),
        ("transactions", {"order_id": "1", "ordered_at": f"{FUTURE}T00:00:00+14:00", "amount": 1.0}, "ordered_at"),
        ("complaints", {"complaint_id": "1", "opened_at": FUTURE}, "opened_at"),
        ("complaints", {"complaint_id": "1", "opened_at": "2025-01-01", "resolved_at": FUTURE}, "resolved_at"),
        ("surveys", {"answered_at": FUTURE, "rating": 3}, "answered_at"),
        ("contacts", {"contacted_at": FUTURE, "campaign_id": "c"}, "contacted_at"),
        ("customers", {"joined_at": FUTURE}, "joined_at"),
    ],
)
def test_an_event_in_the_future_is_422_on_its_field(service: Any, table: str, row: dict[str, Any], column: str) -> None:  # noqa: ANN401
    body = {"customers": [{"customer_id": "a", "transactions": []} | {table: [row]}]}
    reply = service.client.post("/score_live", json=body)
    assert (reply.status_code, reply.json()["error"]["field"]) == (422, f"customers.0.{table}.0.{column}")
    assert "must not lie in the future" in reply.json()["error"]["message"]


def test_an_event_of_this_moment_in_any_zone_is_taken(service: Any) -> None:  # noqa: ANN401
    local = (NOW + timedelta(hours=14)).replace(tzinfo=None).isoformat()
    rows = [{"order_id": str(number), "ordered_at": time, "amount": 1.0} for number, time in enumerate([NOW.isoformat(), local])]
    score_live(service, {"customer_id": "a", "transactions": rows})


def test_columns_that_no_table_has_are_named(service: Any) -> None:  # noqa: ANN401
    order = {"order_id": "1", "ordered_at": "2025-01-01", "amount": 1.0}
    first = {"customer_id": "a", "transactions": [order | {"colour": "red", "Amount": 3}]}
    second = {"customer_id": "b", "transactions": [order | {"colour": "blue"}], "customers": [{"e_mail": "x", "y" * 200: 1}]}
    reply = score_live(service, first, second)
    expected = ["customers.e_mail", f"customers.{'y' * 100}", "transactions.Amount", "transactions.colour"]
    assert reply["ignored"] == expected
    plain = score_live(service, {"customer_id": "a", "transactions": [order]})
    assert plain["ignored"] == []
    assert_equal(plain["scores"], reply["scores"][:1])


def test_an_overlay_without_stored_history_is_409(own_service: Any) -> None:  # noqa: ANN401
    path: Path = own_service.state.settings.workspace.path / "tables" / "transactions.parquet"
    path.unlink()
    reply = own_service.client.post("/score_live", json={"customers": [{"customer_id": "000001", "overlay": True}]})
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "no_history")


def test_a_new_champion_is_used_immediately_and_none_is_503(own_service: Any) -> None:  # noqa: ANN401
    folder: Path = own_service.state.settings.workspace.path / "champion"
    assert score_live(own_service, history(own_service, CUSTOMER_IDS[0]))["model_version"] == "1"
    (folder / "1").rename(folder / "2")
    (folder / "CURRENT").write_text("2\n", encoding="utf-8")
    assert score_live(own_service, history(own_service, CUSTOMER_IDS[0]))["model_version"] == "2"
    (folder / "CURRENT").unlink()
    reply = own_service.client.post("/score_live", json={"customers": [{"customer_id": "a", "transactions": []}]})
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "no_scores")


@pytest.mark.parametrize(
    ("file", "content"),
    [("CURRENT", b""), ("CURRENT", b"1"), ("CURRENT", b"9\n"), ("1/champion.json", b"{"), ("1/churn.json", b"")],
)
def test_a_damaged_champion_is_503_with_a_sentence_and_stored_scores_are_served(
    own_service: Any,  # noqa: ANN401
    file: str,
    content: bytes,
) -> None:
    folder: Path = own_service.state.settings.workspace.path / "champion"
    (folder / file).write_bytes(content)
    reply = own_service.client.post("/score_live", json={"customers": [{"customer_id": "a", "transactions": []}]})
    assert reply.status_code == 503
    assert reply.json()["error"]["message"].startswith(f"champion/{file} in the workspace ")
    assert str(folder) not in reply.text
    assert own_service.client.post("/score", json={"customer_ids": [CUSTOMER_IDS[0]]}).status_code == 200


def test_a_champion_in_use_is_served_though_its_files_are_damaged(own_service: Any) -> None:  # noqa: ANN401
    folder: Path = own_service.state.settings.workspace.path / "champion"
    assert score_live(own_service, history(own_service, CUSTOMER_IDS[0]))["model_version"] == "1"
    (folder / "1" / "champion.json").write_bytes(b"")
    assert score_live(own_service, history(own_service, CUSTOMER_IDS[0]))["model_version"] == "1"
