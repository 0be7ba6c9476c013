"""Objections: a register, a way back, an import, and no act on an id that nothing has."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from serving.privacy.objections import suppress, unsuppress
from serving.privacy.workspace_store import open_workspace_store
from serving.store.keys import Scope
from serving.store.schema import AUDIT, WITHHELD
from serving.store.withheld import withheld_reasons

CUSTOMER = "000007"


def config_of(service: Any) -> Path:  # noqa: ANN401
    return Path(service.state.settings.workspace.path.parent / "holdfast.toml")


def test_an_unknown_id_is_neither_suppressed_nor_erased_without_preemptive(own_service: Any) -> None:  # noqa: ANN401
    client, engine = own_service.client, own_service.state.engine
    refused = (client.post("/suppressions", json={"customer_id": "00007"}), client.delete("/customers/00007"))
    for reply in refused:
        assert (reply.status_code, reply.json()["error"]["field"]) == (404, "customer_id")
        assert "000007" not in reply.text  # near ids are for the command only
    assert withheld_reasons(engine) == {}
    assert client.post("/suppressions?preemptive=true", json={"customer_id": "future"}).json()["new"] is True
    assert client.delete("/customers/gone?preemptive=true").status_code == 200
    assert sorted(withheld_reasons(engine).values()) == ["erased", "suppressed"]
    assert client.delete("/customers/gone").status_code == 200  # erased before, so it is safe to repeat


def test_commands_refuse_an_unknown_id_and_name_near_ones(own_service: Any, holdfast: Any) -> None:  # noqa: ANN401
    config = config_of(own_service)
    for command in ("suppress", "forget"):
        for typo in ("7", " 000007", "0000-07"):
            code, _, message = holdfast(command, typo, "--config", config)
            assert (code, "Similar ids: 000007." in " ".join(message.split())) == (2, True), (command, typo, message)
    assert withheld_reasons(own_service.state.engine) == {}
    assert holdfast("suppress", "future", "--preemptive", "--config", config)[0] == 0


def test_a_customer_whom_only_the_tables_know_is_known(own_service: Any) -> None:  # noqa: ANN401
    engine = own_service.state.engine
    with engine.begin() as connection:
        for table in sa.inspect(connection).get_table_names():
            if table.startswith(("scores_", "targets_", "units_")):
                connection.execute(sa.text(f'delete from "{table}" where customer_id = :id'), {"id": CUSTOMER})  # noqa: S608
        connection.execute(sa.text("delete from list_rows where customer_id = :id"), {"id": CUSTOMER})
    assert own_service.client.post("/suppressions", json={"customer_id": CUSTOMER}).json()["new"] is True


def test_the_register_shows_count_date_source_and_reason_but_no_id(own_service: Any, holdfast: Any) -> None:  # noqa: ANN401
    client, config = own_service.client, config_of(own_service)
    body = {"customer_id": CUSTOMER, "reason": "by phone"}
    assert client.post("/suppressions", json=body).json() == {"customer_id": CUSTOMER, "suppressed": True, "new": True}
    register = client.get("/suppressions").json()
    [entry] = register["suppressions"]
    assert (register["count"], entry["reason"], entry["customer_hash"]) == (1, "by phone", own_service.state.hash_id(CUSTOMER))
    assert entry["source"].startswith("tests")
    assert CUSTOMER not in str(register)
    found = client.get(f"/suppressions/{CUSTOMER}").json()
    assert (found["suppressed"], found["since"], found["reason"]) == (True, entry["since"], "by phone")
    assert client.get("/suppressions/000008").json()["suppressed"] is False
    output = holdfast("suppressions", "list", "--config", config)[1]
    assert "Customers who object to marketing: 1." in output
    assert (": by phone" in output, CUSTOMER in output) == (True, False)
    assert "objects since" in holdfast("suppressions", "find", CUSTOMER, "--config", config)[1]
    assert "does not object" in holdfast("suppressions", "find", "000008", "--config", config)[1]


def test_an_objection_is_lifted_with_a_reason_and_stays_lifted(own_service: Any, holdfast: Any) -> None:  # noqa: ANN401
    client, state, config = own_service.client, own_service.state, config_of(own_service)
    client.post("/suppressions", json={"customer_id": CUSTOMER})
    assert client.delete(f"/suppressions/{CUSTOMER}").status_code == 422  # a reason is needed
    reply = client.delete(f"/suppressions/{CUSTOMER}?reason=opted in again")
    assert (reply.status_code, reply.json()) == (200, {"customer_id": CUSTOMER, "suppressed": False})
    score = client.post("/score", json={"customer_ids": [CUSTOMER]}).json()
    assert [row["customer_id"] for row in score["scores"]] == [CUSTOMER]
    open_workspace_store(state.settings).dispose()  # brings the store up to date with the log beside the secret
    assert withheld_reasons(state.engine) == {}
    with state.engine.connect() as connection:
        entry = connection.execute(sa.select(AUDIT).where(AUDIT.c.what == "unsuppressed")).mappings().one()
    assert (entry["subject"], entry["note"]) == (state.hash_id(CUSTOMER), "opted in again")
    assert client.delete(f"/suppressions/{CUSTOMER}?reason=again").status_code == 404
    assert holdfast("suppress", CUSTOMER, "--config", config)[0] == 0
    assert holdfast("unsuppress", CUSTOMER, "--reason", "opted in", "--config", config)[0] == 0
    code, _, message = holdfast("unsuppress", CUSTOMER, "--reason", "twice", "--config", config)
    assert (code, "There is no objection" in message) == (2, True)


def test_an_erasure_cannot_be_lifted(own_service: Any) -> None:  # noqa: ANN401
    own_service.client.delete(f"/customers/{CUSTOMER}")
    reply = own_service.client.delete(f"/suppressions/{CUSTOMER}?reason=typo")
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "erased")


@pytest.mark.parametrize(("hours", "expected"), [(-1, {}), (1, {"suppressed"})])
def test_a_store_from_before_a_lifting_follows_the_log(own_service: Any, hours: int, expected: Any) -> None:  # noqa: ANN401
    """A restored store still has the objection; one that is newer than the lifting stays."""
    state, now = own_service.state, datetime(2026, 11, 27, 12)
    suppress(state.settings, state.engine, CUSTOMER, now - timedelta(days=1), "ann")
    unsuppress(state.settings, state.engine, CUSTOMER, now, "ann", "opted in")
    since = now + timedelta(hours=hours)
    with state.engine.begin() as connection:
        row = {"customer_hash": state.hash_id(CUSTOMER), "reason": "suppressed", "since": since}
        connection.execute(WITHHELD.insert().values(**row))
    open_workspace_store(state.settings).dispose()
    assert set(withheld_reasons(state.engine).values()) == set(expected)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("000007\n000008\r\n\n000008\nnobody\n", ()),
        ("\ufeffcustomer_id,why\n000007,x\n000008,x\n,x\n000008,x\nnobody,x\n", ()),
        ("why;Nr\nx;000007\nx;000008\nx;\nx; 000008\nx;nobody\n", ("--column", "Nr")),
    ],
)
def test_a_file_of_objections_is_imported_and_its_counts_add_up(
    own_service: Any,  # noqa: ANN401
    holdfast: Any,  # noqa: ANN401
    tmp_path: Path,
    text: str,
    options: tuple[str, ...],
) -> None:
    config, file = config_of(own_service), tmp_path / "ids.csv"
    file.write_text(text, encoding="utf-8", newline="")
    own_service.client.post("/suppressions", json={"customer_id": "000008"})
    code, output, _ = holdfast("suppressions", "import", file, "--reason", "opt-outs", *options, "--config", config)
    assert (code, " ".join(output.split()).split(". ")[0]) == (
        0,
        "Read 5: 1 new, 1 recorded before, 1 unknown, 1 repeated, 1 empty",
    )
    assert "Unknown ids were not recorded" in output
    assert own_service.client.get("/suppressions").json()["count"] == 2
    assert own_service.client.get("/suppressions/000007").json()["reason"] == "opt-outs"
    again = holdfast("suppressions", "import", file, "--preemptive", *options, "--config", config)[1]
    assert "1 new, 2 recorded before, 0 unknown" in again


def test_a_file_without_the_column_is_one_sentence(own_service: Any, holdfast: Any, tmp_path: Path) -> None:  # noqa: ANN401
    (tmp_path / "ids.csv").write_text("a,b\n1,2\n")
    code, _, message = holdfast(
        "suppressions", "import", tmp_path / "ids.csv", "--column", "c", "--config", config_of(own_service)
    )
    assert (code, "has no column c; its columns are a, b." in " ".join(message.split())) == (2, True)


def test_the_register_needs_the_scope_admin(own_service: Any) -> None:  # noqa: ANN401
    key = own_service.key(Scope.LIST, Scope.SCORE, Scope.ISSUE)
    for method, path in (("GET", "/suppressions"), ("GET", "/suppressions/x"), ("DELETE", "/suppressions/x?reason=y")):
        assert own_service.send(method, path, key).status_code == 403


def test_the_foot_of_the_page_of_a_customer_who_objected_is_true() -> None:
    from serving.pages.render import template

    shared = {"client": "ann", "csrf": "c", "pages": {}, "current_page": "customer", "customer_id": CUSTOMER}
    page = template("customer").render(shared | {"suppressed": True, "run": None, "score": None})
    assert "This customer objected to marketing: scores and lists leave the customer out." in page
    assert "never" not in page
