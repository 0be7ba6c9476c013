"""Customers who object have no scores, and erased ones no rows: now, in the whole workspace, and after the next load."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from serving.store.lists.rows import list_rows
from serving.store.schema import AUDIT, LIST_ROWS

CUSTOMER = "000003"


def file_contents(workspace: Path) -> dict[str, bytes]:
    """Return the content of every file that could hold rows of customers."""
    return {str(path): path.read_bytes() for path in workspace.rglob("*") if path.is_file() and "mlflow" not in path.name}


def files_with_id(workspace: Path, customer_id: str) -> list[str]:
    """Return the Parquet and CSV files in the workspace with a cell that is this id."""
    files = []
    for path in workspace.rglob("*"):
        if path.suffix in {".parquet", ".csv"}:
            frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)
            text_columns = frame.select(pl.col(pl.String))
            if text_columns.width and text_columns.select(pl.any_horizontal((pl.all() == customer_id).any())).item():
                files.append(path.name)
    return files


def listed_customers(service: Any, kind: str = "at_risk") -> list[str]:  # noqa: ANN401  # a fixture of this folder
    reply = service.client.get(f"/lists/{kind}?limit=1000").json()
    return [row["customer_id"] for row in reply["rows"]]


def test_a_customer_who_objects_has_no_score_and_is_on_no_list(own_service: Any) -> None:  # noqa: ANN401
    customer_id = listed_customers(own_service)[0]
    reply = own_service.client.post("/suppressions", json={"customer_id": customer_id})
    assert reply.json() == {"customer_id": customer_id, "suppressed": True, "new": True}
    assert own_service.client.post("/suppressions", json={"customer_id": customer_id}).json()["new"] is False
    score = own_service.client.post("/score", json={"customer_ids": [customer_id, CUSTOMER]}).json()
    assert (score["suppressed"], [row["customer_id"] for row in score["scores"]]) == ([customer_id], [CUSTOMER])
    live = own_service.client.post("/score_live", json={"customers": [{"customer_id": customer_id, "transactions": []}]}).json()
    assert (live["suppressed"], live["scores"]) == ([customer_id], [])
    assert customer_id not in listed_customers(own_service)
    assert customer_id not in own_service.client.get("/lists/at_risk?format=csv").text
    card = own_service.client.get(f"/customers/{customer_id}").json()
    assert (card["suppressed"], card["score"], card["history"]) == (True, None, [])


def test_the_next_run_has_no_score_of_a_customer_who_objected(own_service: Any, holdfast: Any) -> None:  # noqa: ANN401
    config = own_service.state.settings.workspace.path.parent / "holdfast.toml"
    assert holdfast("suppress", CUSTOMER, "--config", config)[:2] == (0, "The customer is suppressed.\n")
    assert holdfast("score", "--config", config, "--out", config.parent / "scores.parquet")[0] == 0
    [row] = pl.read_parquet(config.parent / "scores.parquet").filter(customer_id=CUSTOMER).to_dicts()
    values = {name: value for name, value in row.items() if value is not None and name not in {"as_of", "scored_at"}}
    run = {"model_version": "1", "horizon_days": 91, "currency": "EUR"}
    assert values == {"customer_id": CUSTOMER, "action": "none", "no_score_reason": "suppressed"} | run
    assert own_service.client.post("/score", json={"customer_ids": [CUSTOMER]}).json()["suppressed"] == [CUSTOMER]
    assert holdfast("list", "--config", config, "--out", config.parent / "list.csv")[0] == 0
    assert CUSTOMER not in pl.read_csv(config.parent / "list.csv", infer_schema=False)["customer_id"].to_list()


def test_an_erased_customer_is_in_no_file_of_the_workspace(own_service: Any) -> None:  # noqa: ANN401
    workspace = own_service.state.settings.workspace.path
    customer_id = pl.read_csv(next((workspace / "lists").glob("*.csv")), infer_schema=False)["customer_id"][0]
    pl.DataFrame({"customer_id": [customer_id, "x"], "orders": [1, 2]}).write_parquet(workspace / "features.parquet")
    assert {"transactions.parquet", "features.parquet"} <= set(files_with_id(workspace, customer_id))
    erasure = own_service.client.delete(f"/customers/{customer_id}").json()
    assert erasure["rows"]["scores"] == 1
    assert erasure["rows"]["tables/transactions.parquet"] > 0
    assert erasure["rows"]["features.parquet"] == 1
    assert files_with_id(workspace, customer_id) == []
    assert any("transactions.parquet" in sentence for sentence in erasure["out_of_reach"])
    assert customer_id not in str(erasure)
    assert not [name for name, content in file_contents(workspace).items() if f'"{customer_id}"'.encode() in content]
    as_an_id = re.compile(b"(?<![0-9a-f.])" + customer_id.encode())  # not digits of a number or of a hash, as in 0.000412
    files = [path for path in (workspace / "scores.db", workspace / "scores.db-wal") if path.exists()]
    assert [path.name for path in files if as_an_id.search(path.read_bytes())] == []
    second = own_service.client.delete(f"/customers/{customer_id}").json()
    assert sum(second["rows"].values()) == 0
    assert (erasure["complete"], erasure["unreached"], second["complete"]) == (True, [], True)


def test_an_erased_customer_is_unknown_and_leaves_a_row_without_id_on_issued_lists(own_service: Any) -> None:  # noqa: ANN401
    page = own_service.client.get("/lists/at_risk?limit=1000&arm=all").json()
    customer_id, list_id = page["rows"][0]["customer_id"], page["list"]["list_id"]
    assert own_service.client.delete(f"/customers/{customer_id}").json()["lists"] >= 1
    assert own_service.client.get(f"/customers/{customer_id}").status_code == 404
    assert own_service.client.post("/score", json={"customer_ids": [customer_id]}).json()["unknown"] == [customer_id]
    live = own_service.client.post("/score_live", json={"customers": [{"customer_id": customer_id, "transactions": []}]}).json()
    assert (live["unknown"], live["scores"]) == ([customer_id], [])
    assert list_rows(own_service.state.engine, list_id, {})["rank"][0] == 2
    with own_service.state.engine.connect() as connection:
        row = (
            connection.execute(sa.select(LIST_ROWS).where(LIST_ROWS.c.list_id == list_id, LIST_ROWS.c.rank == 1)).mappings().one()
        )
        audit = connection.execute(sa.select(AUDIT).where(AUDIT.c.what == "erased")).mappings().one()
    assert (row["customer_id"], row["reason_1"], row["arm"]) == (None, None, page["rows"][0]["arm"])
    assert (row["outcome_orders"], row["outcome_spend"]) == (0, 0.0)
    assert row["outcome_until"] is not None
    assert audit["subject"] == own_service.state.hash_id(customer_id)


@pytest.mark.slow
def test_the_next_load_leaves_out_an_erased_customer(own_service: Any, holdfast: Any) -> None:  # noqa: ANN401
    workspace = own_service.state.settings.workspace.path
    config = workspace.parent / "holdfast.toml"
    customers = pl.read_parquet(workspace / "tables" / "customers.parquet")
    customer_id = customers["referred_by"].drop_nulls()[0]
    code, output, _ = holdfast("forget", customer_id, "--config", config)
    assert code == 0
    assert "Out of reach from here:" in output
    assert customer_id not in output
    code, _, _ = holdfast("validate", "--config", config, "--json", config.parent / "report.json")
    assert code == 0
    report = pl.read_json(config.parent / "report.json")["tables"][0]
    for table in ("transactions", "customers"):
        assert report[table]["rules"]["erased_customer"] > 0
        assert report[table]["read"] == report[table]["used"] + report[table]["quarantined"]
    assert files_with_id(workspace, customer_id) == []
    assert holdfast("score", "--config", config)[0] == 0
    assert own_service.client.post("/score", json={"customer_ids": [customer_id]}).json()["unknown"] == [customer_id]


def test_rows_in_the_quarantine_and_in_releases_are_erased(own_service: Any) -> None:  # noqa: ANN401
    workspace = own_service.state.settings.workspace.path
    quarantine = pl.DataFrame(
        {
            "rule": ["unreadable_amount", "broken_quotes", "broken_quotes", "missing_customer_id"],
            "row_key": ["1", "2", "3", "4"],
            "customer_id": [" 000003", None, None, None],
            "beyond_header": [None, '"000003,a,b', '"1000003,a', None],
        }
    )
    quarantine.write_parquet(workspace / "quarantine" / "transactions.parquet")
    (workspace / "released").mkdir()
    pl.DataFrame({"was_customer_id": [CUSTOMER, "x"], "customer_id": [CUSTOMER, "x"]}).write_parquet(
        workspace / "released" / "transactions.parquet"
    )
    own_service.client.delete(f"/customers/{CUSTOMER}")
    assert pl.read_parquet(workspace / "quarantine" / "transactions.parquet")["row_key"].to_list() == ["3", "4"]
    assert pl.read_parquet(workspace / "released" / "transactions.parquet")["customer_id"].to_list() == ["x"]


def test_an_erased_customer_stays_erased_after_an_objection(own_service: Any) -> None:  # noqa: ANN401
    own_service.client.post("/suppressions", json={"customer_id": CUSTOMER})
    own_service.client.delete(f"/customers/{CUSTOMER}")
    assert own_service.client.post("/suppressions", json={"customer_id": CUSTOMER}).json()["new"] is False
    assert own_service.client.post("/score", json={"customer_ids": [CUSTOMER]}).json()["unknown"] == [CUSTOMER]


def test_without_its_secret_a_store_is_not_opened(own_service: Any, holdfast: Any) -> None:  # noqa: ANN401
    workspace = own_service.state.settings.workspace.path
    secret = workspace / "control.key"
    original = secret.read_bytes()
    secret.unlink()
    code, _, message = holdfast("suppress", CUSTOMER, "--config", workspace.parent / "holdfast.toml")
    assert code == 2
    assert "The store was created with a secret that is not at" in message
    secret.write_bytes(original[::-1])
    assert "with another secret" in holdfast("suppress", CUSTOMER, "--config", workspace.parent / "holdfast.toml")[2]


@pytest.mark.parametrize("step", ["lists", "runs"])
def test_an_interrupted_erasure_is_completed_when_it_is_repeated(
    own_service: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"serving.privacy.erasure._erase_from_{step}", fail)
    from serving.privacy.erasure import erase

    state = own_service.state
    with pytest.raises(KeyboardInterrupt):
        erase(state.settings, state.engine, CUSTOMER, datetime(2026, 1, 1), "tests")
    assert own_service.client.post("/score", json={"customer_ids": [CUSTOMER]}).json()["unknown"] == [CUSTOMER]
    monkeypatch.undo()
    erase(state.settings, state.engine, CUSTOMER, datetime(2026, 1, 1), "tests")
    assert files_with_id(state.settings.workspace.path, CUSTOMER) == []


def test_an_erasure_names_all_files_that_a_table_is_read_from(tmp_path: Path, holdfast: Any) -> None:  # noqa: ANN401
    (tmp_path / "lines.csv").write_text("order_id,amount\n1,5\n2,6\n", encoding="utf-8")
    (tmp_path / "orders.csv").write_text("order_id,customer_id,ordered_at\n1,a,2026-11-01\n2,b,2026-11-02\n", encoding="utf-8")
    config = tmp_path / "holdfast.toml"
    config.write_text(
        '[tables]\ntransactions = {file = "lines.csv", join = [{file = "orders.csv", on = "order_id"}]}\n', encoding="utf-8"
    )
    assert holdfast("validate", "--config", config)[0] == 0
    code, output, _ = holdfast("forget", "a", "--config", config)
    assert code == 0
    assert "The source of transactions (file lines.csv, joined with orders.csv): erase the customer there too." in " ".join(
        output.split()
    )
