"""An erasure or an objection that comes while a command is running, or that a crash interrupted, is not undone."""

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from features.storage.workspace_lock import try_workspace_lock
from holdfast.jobs.store import StoreHandle
from serving.lists.issuing import issue
from serving.lists.weekly import make_list
from serving.privacy.erasure import erase
from serving.privacy.objections import suppress
from serving.privacy.workspace_key import identity_key
from serving.schemas.list_kind import ListKind
from serving.store.erasure import pending_erasures
from serving.store.lists.rows import list_rows
from serving.store.publish import publish
from serving.store.read import find_scores, read_scores_by_action
from serving.store.schema import LIST_ROWS, WITHHELD
from serving.store.withheld import Withheld, withheld_hashes

ACTIONS = ["none", "retention", "win_back", "recovery"]
NOW = datetime(2026, 1, 1)
Holdfast = Callable[..., tuple[int, str, str]]


def bytes_with(workspace: Path, customer_id: str) -> list[str]:
    """Return the files below the workspace that contain the id, other than as part of a longer number."""
    alone = re.compile(rb"(?<![0-9.])" + customer_id.encode() + rb"(?![0-9])")
    return [path.name for path in workspace.rglob("*") if path.is_file() and alone.search(path.read_bytes())]


def first_listed(service: Any) -> str:  # noqa: ANN401  # a fixture
    return str(service.client.get("/lists/at_risk?limit=1").json()["rows"][0]["customer_id"])


def test_an_erasure_during_a_command_removes_the_rows_of_files_at_its_end(own_service: Any) -> None:  # noqa: ANN401
    settings, customer_id = own_service.state.settings, first_listed(own_service)
    workspace = settings.workspace.path
    with try_workspace_lock(workspace, "score") as is_free:
        assert is_free
        reply = own_service.client.delete(f"/customers/{customer_id}").json()
        assert (reply["complete"], reply["rows"]["scores"]) == (False, 1)
        assert "while `score` (process" in reply["unreached"][0]
        assert own_service.client.post("/score", json={"customer_ids": [customer_id]}).json()["unknown"] == [customer_id]
        pl.DataFrame({"customer_id": [customer_id, "x"]}).write_parquet(
            workspace / "written_later.parquet", compression="uncompressed"
        )
        with StoreHandle(settings) as store:
            store.open()
            assert store.complete_erasures() == []
    assert bytes_with(workspace, customer_id) == []
    assert pl.read_parquet(workspace / "written_later.parquet")["customer_id"].to_list() == ["x"]
    assert pending_erasures(own_service.state.engine) == []


def test_a_run_that_was_scored_before_an_erasure_is_published_without_the_customer(own_service: Any) -> None:  # noqa: ANN401
    state = own_service.state
    run, scores = read_scores_by_action(state.engine, ACTIONS)
    customer_id = first_listed(own_service)
    erase(state.settings, state.engine, customer_id, NOW, "tests")
    later = scores.with_columns(p_churn=pl.col("p_churn") * 0.5)
    identity = identity_key(state.settings.secret_path, state.engine)
    published = publish(state.engine, later, run.horizon_days, identity=identity)
    current, found = find_scores(state.engine, [customer_id])
    assert (current, found, published.rows) == (published, {}, scores.height - 1)


def test_a_list_that_was_planned_before_an_erasure_is_stored_without_the_id(own_service: Any) -> None:  # noqa: ANN401
    state = own_service.state
    weekly = make_list(state.settings, state.engine, ListKind.AT_RISK, budget=100.0)
    erased, objecting = weekly.frame["customer_id"][0], weekly.frame["customer_id"][1]
    erase(state.settings, state.engine, erased, NOW, "tests")
    suppress(state.settings, state.engine, objecting, NOW, "tests")
    issued, rows, *_ = issue(state.settings, state.engine, weekly, "tests", NOW)
    assert {erased, objecting}.isdisjoint(rows["customer_id"])
    assert erased not in list_rows(state.engine, issued.list_id, {})["customer_id"]
    with state.engine.connect() as connection:
        ranks = sa.select(LIST_ROWS.c.rank).where(LIST_ROWS.c.list_id == issued.list_id, LIST_ROWS.c.customer_id.is_(None))
        assert connection.scalars(ranks).all() == [1]


def test_an_erasure_is_complete_although_the_service_reads_the_store(own_service: Any) -> None:  # noqa: ANN401
    engine, customer_id = own_service.state.engine, first_listed(own_service)
    connections = [engine.connect() for _ in range(3)]
    for connection in connections:
        assert connection.scalar(sa.text("select count(*) from list_rows")) > 0
        connection.rollback()
    assert own_service.client.delete(f"/customers/{customer_id}").json()["complete"]
    for connection in connections:
        connection.close()
    assert bytes_with(own_service.state.settings.workspace.path, customer_id) == []


def test_links_are_followed_and_damaged_files_named_and_the_rest_is_erased(
    own_service: Any,  # noqa: ANN401
    tmp_path: Path,
    holdfast: Holdfast,
) -> None:
    settings, customer_id = own_service.state.settings, first_listed(own_service)
    workspace, elsewhere = settings.workspace.path, tmp_path / "elsewhere"
    elsewhere.mkdir()
    row = pl.DataFrame({"customer_id": [customer_id, "x"]})
    row.write_parquet(elsewhere / "a.parquet", compression="uncompressed")
    row.write_csv(tmp_path / "single.csv")
    (workspace / "linked").symlink_to(elsewhere)
    (elsewhere / "back").symlink_to(workspace)
    (workspace / "single.csv").symlink_to(tmp_path / "single.csv")
    row.write_parquet(workspace / ".4999999.tables.parquet")
    (workspace / ".4999999.parts").mkdir()
    row.write_parquet(workspace / ".4999999.parts" / "0.parquet")
    (workspace / "aaa.parquet").write_bytes(b"PAR1 cut")
    code, output, messages = holdfast("forget", customer_id, "--config", workspace.parent / "holdfast.toml")
    assert (code, messages) == (
        1,
        "Not erased: aaa.parquet cannot be read or replaced (damaged). Repair or delete it, and run `forget` again.\n",
    )
    assert "Erased in part." in output
    assert pl.read_parquet(elsewhere / "a.parquet")["customer_id"].to_list() == ["x"]
    assert (tmp_path / "single.csv").read_text() == "customer_id\nx\n"
    assert (workspace / "single.csv").is_symlink()
    assert bytes_with(workspace, customer_id) == []
    assert not list(workspace.glob(".4999999*"))
    (workspace / "aaa.parquet").unlink()
    assert holdfast("forget", customer_id, "--config", workspace.parent / "holdfast.toml")[0] == 0


def test_workbooks_with_the_id_are_deleted_and_others_stay(own_service: Any) -> None:  # noqa: ANN401
    lists, customer_id = own_service.state.settings.workspace.path / "lists", first_listed(own_service)
    pl.DataFrame({"customer_id": [customer_id]}).write_excel(lists / "with.xlsx")
    pl.DataFrame({"customer_id": ["other"]}).write_excel(lists / "without.xlsx")
    reply = own_service.client.delete(f"/customers/{customer_id}").json()
    assert reply["rows"]["lists/with.xlsx (deleted)"] == 1
    assert [path.name for path in lists.glob("*.xlsx")] == ["without.xlsx"]


@pytest.mark.parametrize("place", ["store", "log"])
def test_objections_and_erasures_survive_the_loss_of_the_store_or_of_the_log(own_service: Any, place: str) -> None:  # noqa: ANN401
    state = own_service.state
    suppress(state.settings, state.engine, "000003", NOW, "tests")
    erase(state.settings, state.engine, "000004", NOW, "tests")
    before = set(withheld_hashes(state.engine, *Withheld))
    if place == "store":
        with state.engine.begin() as connection:
            connection.execute(WITHHELD.delete())
    else:
        state.settings.withheld_log_path.unlink()
    with StoreHandle(state.settings) as store:
        assert set(withheld_hashes(store.open(), *Withheld)) == before
    assert sum(line.count("erased") for line in state.settings.withheld_log_path.read_text().splitlines()) >= 1


def test_the_control_group_is_not_drawn_again_with_another_secret(own_service: Any, holdfast: Holdfast) -> None:  # noqa: ANN401
    workspace = own_service.state.settings.workspace.path
    secret, original = workspace / "control.key", (workspace / "control.key").read_bytes()
    config = workspace.parent / "holdfast.toml"
    secret.unlink()
    code, _, message = holdfast("list", "--budget", "10", "--config", config)
    assert (code, secret.exists()) == (2, False)
    assert "Put the right file there, from a backup (`restore`), or name it in [serving] secret_file." in message
    for content, found in (
        (b"", "has 0 bytes instead of 32"),
        (original + b"\n", "has 33 bytes"),
        (original[::-1], "another secret"),
    ):
        secret.write_bytes(content)
        code, _, message = holdfast("list", "--budget", "10", "--dry-run", "--config", config)
        assert (code, found in message) == (2, True)
    secret.write_bytes(original)
    assert holdfast("list", "--budget", "10", "--dry-run", "--config", config)[0] == 0
