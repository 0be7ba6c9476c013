"""Who objects is not profiled, who is erased is gone: at once, everywhere below the workspace, and after the next load."""

from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from serving.store.issued import list_rows
from serving.store.schema import AUDIT, LIST_ROWS

WHO = "000003"


def everything_below(workspace: Path) -> dict[str, bytes]:
    """Every file that could hold rows of customers."""
    return {str(path): path.read_bytes() for path in workspace.rglob("*") if path.is_file() and "mlflow" not in path.name}


def rows_naming(workspace: Path, customer: str) -> list[str]:
    """The Parquet and CSV files below the workspace with a cell that is this id."""
    found = []
    for path in workspace.rglob("*"):
        if path.suffix in {".parquet", ".csv"}:
            frame = pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)
            texts = frame.select(pl.col(pl.String))
            if texts.width and texts.select(pl.any_horizontal((pl.all() == customer).any())).item():
                found.append(path.name)
    return found


def listed(service: Any, kind: str = "at_risk") -> list[str]:  # noqa: ANN401  # a fixture of this folder
    reply = service.client.get(f"/lists/{kind}?limit=1000").json()
    return [row["customer_id"] for row in reply["rows"]]


def test_who_objects_gets_no_score_and_stands_on_no_list_from_now_on(own_service: Any) -> None:  # noqa: ANN401
    who = listed(own_service)[0]
    reply = own_service.client.post("/suppressions", json={"customer_id": who})
    assert reply.json() == {"customer_id": who, "suppressed": True, "new": True}
    assert own_service.client.post("/suppressions", json={"customer_id": who}).json()["new"] is False
    score = own_service.client.post("/score", json={"customer_ids": [who, WHO]}).json()
    assert (score["suppressed"], [each["customer_id"] for each in score["scores"]]) == ([who], [WHO])
    live = own_service.client.post("/score_live", json={"customers": [{"customer_id": who, "transactions": []}]}).json()
    assert (live["suppressed"], live["scores"]) == ([who], [])
    assert who not in listed(own_service)
    assert who not in own_service.client.get("/lists/at_risk?format=csv").text
    card = own_service.client.get(f"/customers/{who}").json()
    assert (card["suppressed"], card["score"], card["history"]) == (True, None, [])


def test_the_next_run_says_nothing_of_who_objected(own_service: Any, holdfast: Any) -> None:  # noqa: ANN401
    config = own_service.state.settings.workspace.path.parent / "holdfast.toml"
    assert holdfast("suppress", WHO, "--config", config)[:2] == (0, "The customer is suppressed.\n")
    assert holdfast("score", "--config", config, "--out", config.parent / "scores.parquet")[0] == 0
    [row] = pl.read_parquet(config.parent / "scores.parquet").filter(customer_id=WHO).to_dicts()
    told = {name: value for name, value in row.items() if value is not None and name not in {"as_of", "scored_at"}}
    assert told == {"customer_id": WHO, "model_version": "1", "action": "none", "no_score_reason": "suppressed"}
    assert own_service.client.post("/score", json={"customer_ids": [WHO]}).json()["suppressed"] == [WHO]
    assert holdfast("list", "--config", config, "--out", config.parent / "list.csv")[0] == 0
    assert WHO not in pl.read_csv(config.parent / "list.csv", infer_schema=False)["customer_id"].to_list()


def test_an_erased_customer_is_nowhere_below_the_workspace(own_service: Any) -> None:  # noqa: ANN401
    workspace = own_service.state.settings.workspace.path
    who = pl.read_csv(next((workspace / "lists").glob("*.csv")), infer_schema=False)["customer_id"][0]
    pl.DataFrame({"customer_id": [who, "x"], "orders": [1, 2]}).write_parquet(workspace / "features.parquet")
    assert {"transactions.parquet", "features.parquet"} <= set(rows_naming(workspace, who))
    done = own_service.client.delete(f"/customers/{who}").json()
    assert done["rows"]["scores"] == 1
    assert done["rows"]["tables/transactions.parquet"] > 0
    assert done["rows"]["features.parquet"] == 1
    assert rows_naming(workspace, who) == []
    assert any("transactions.parquet" in sentence for sentence in done["out_of_reach"])
    assert who not in str(done)
    with own_service.state.engine.connect() as connection:
        connection.execute(sa.text("pragma wal_checkpoint(truncate)"))
    assert not [name for name, content in everything_below(workspace).items() if f'"{who}"'.encode() in content]
    assert who.encode() not in (workspace / "scores.db").read_bytes()
    again = own_service.client.delete(f"/customers/{who}").json()
    assert sum(again["rows"].values()) == 0


def test_an_erased_customer_is_unknown_and_leaves_a_row_without_id_on_issued_lists(own_service: Any) -> None:  # noqa: ANN401
    page = own_service.client.get("/lists/at_risk?limit=1000").json()
    who, list_id = page["rows"][0]["customer_id"], page["list"]["list_id"]
    assert own_service.client.delete(f"/customers/{who}").json()["lists"] >= 1
    assert own_service.client.get(f"/customers/{who}").status_code == 404
    assert own_service.client.post("/score", json={"customer_ids": [who]}).json()["unknown"] == [who]
    live = own_service.client.post("/score_live", json={"customers": [{"customer_id": who, "transactions": []}]}).json()
    assert (live["unknown"], live["scores"]) == ([who], [])
    assert list_rows(own_service.state.engine, list_id, {})["rank"][0] == 2
    with own_service.state.engine.connect() as connection:
        row = (
            connection.execute(sa.select(LIST_ROWS).where(LIST_ROWS.c.list_id == list_id, LIST_ROWS.c.rank == 1)).mappings().one()
        )
        audit = connection.execute(sa.select(AUDIT).where(AUDIT.c.what == "erased")).mappings().one()
    assert (row["customer_id"], row["reason_1"], row["arm"]) == (None, None, page["rows"][0]["arm"])
    assert (row["outcome_orders"], row["outcome_spend"]) == (0, 0.0)
    assert row["outcome_until"] is not None
    assert audit["subject"] == own_service.state.hash_of(who)


def test_the_next_load_does_not_bring_the_person_back(own_service: Any, holdfast: Any) -> None:  # noqa: ANN401
    workspace = own_service.state.settings.workspace.path
    config = workspace.parent / "holdfast.toml"
    customers = pl.read_parquet(workspace / "tables" / "customers.parquet")
    who = customers["referred_by"].drop_nulls()[0]
    code, said, _ = holdfast("forget", who, "--config", config)
    assert code == 0
    assert "Out of reach from here:" in said
    assert who not in said
    code, _, _ = holdfast("validate", "--config", config, "--json", config.parent / "report.json")
    assert code == 0
    report = pl.read_json(config.parent / "report.json")["tables"][0]
    for table in ("transactions", "customers"):
        assert report[table]["rules"]["erased_customer"] > 0
        assert report[table]["read"] == report[table]["used"] + report[table]["quarantined"]
    assert rows_naming(workspace, who) == []
    assert holdfast("score", "--config", config)[0] == 0
    assert own_service.client.post("/score", json={"customer_ids": [who]}).json()["unknown"] == [who]


def test_rows_of_the_quarantine_and_of_releases_go_too(own_service: Any) -> None:  # noqa: ANN401
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
    pl.DataFrame({"was_customer_id": [WHO, "x"], "customer_id": [WHO, "x"]}).write_parquet(
        workspace / "released" / "transactions.parquet"
    )
    own_service.client.delete(f"/customers/{WHO}")
    assert pl.read_parquet(workspace / "quarantine" / "transactions.parquet")["row_key"].to_list() == ["3", "4"]
    assert pl.read_parquet(workspace / "released" / "transactions.parquet")["customer_id"].to_list() == ["x"]


def test_who_is_erased_is_not_merely_suppressed_later(own_service: Any) -> None:  # noqa: ANN401
    own_service.client.post("/suppressions", json={"customer_id": WHO})
    own_service.client.delete(f"/customers/{WHO}")
    assert own_service.client.post("/suppressions", json={"customer_id": WHO}).json()["new"] is False
    assert own_service.client.post("/score", json={"customer_ids": [WHO]}).json()["unknown"] == [WHO]


def test_without_the_secret_the_store_is_not_opened(own_service: Any, holdfast: Any) -> None:  # noqa: ANN401
    workspace = own_service.state.settings.workspace.path
    secret = workspace / "control.key"
    kept = secret.read_bytes()
    secret.unlink()
    code, _, said = holdfast("suppress", WHO, "--config", workspace.parent / "holdfast.toml")
    assert code == 2
    assert "The store was begun with a secret that is not at" in said
    secret.write_bytes(kept[::-1])
    assert "with another secret" in holdfast("suppress", WHO, "--config", workspace.parent / "holdfast.toml")[2]


@pytest.mark.parametrize("moment", ["lists", "runs"])
def test_an_erasure_that_was_interrupted_is_completed_when_it_is_said_again(
    own_service: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"serving.privacy.erasure._from_{moment}", fail)
    from serving.privacy.erasure import erase

    state = own_service.state
    with pytest.raises(KeyboardInterrupt):
        erase(state.settings, state.engine, WHO, datetime(2026, 1, 1), "tests")
    assert own_service.client.post("/score", json={"customer_ids": [WHO]}).json()["unknown"] == [WHO]
    monkeypatch.undo()
    erase(state.settings, state.engine, WHO, datetime(2026, 1, 1), "tests")
    assert rows_naming(state.settings.workspace.path, WHO) == []
