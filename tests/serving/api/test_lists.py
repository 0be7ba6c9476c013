import io
import re
import zipfile
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from expectations.history.loads import LoadRecord, append_records
from serving.app import ROUTE_MODULES
from serving.http.declared_parameters import DeclaredRoute
from serving.lists.contacts import issued_contacts
from serving.lists.issuing import issue
from serving.lists.weekly import WeeklyList, make_list
from serving.schemas.list_kind import ListKind
from serving.schemas.lists import LIST_COLUMNS
from serving.store.keys import Scope
from serving.store.schema import AUDIT, LIST_ROWS, LISTS
from serving.targeting.evidence import EVIDENCE_COLUMNS
from settings.clock import utc_now
from settings.sections import Settings


def ranks_in(reply: Any) -> list[int]:  # noqa: ANN401  # httpx's reply
    return [row["rank"] for row in reply.json()["rows"]]


def without_lists(service: Any) -> Any:  # noqa: ANN401
    with service.state.engine.begin() as connection:
        for table in (LIST_ROWS, LISTS):
            connection.execute(table.delete())
    return service


def test_reading_issues_nothing_and_says_how_to_issue(own_service: Any) -> None:  # noqa: ANN401
    service = without_lists(own_service)
    reply = service.client.get("/lists/win_back")
    assert (reply.status_code, reply.json()["error"]["code"]) == (404, "not_found")
    assert "POST /lists/win_back" in reply.json()["error"]["message"]
    assert service.client.get("/lists").json()["lists"] == []


def test_a_list_is_issued_once_and_stays(own_service: Any) -> None:  # noqa: ANN401
    service = without_lists(own_service)
    first, again = service.client.post("/lists/win_back"), service.client.post("/lists/win_back")
    assert (first.status_code, first.json()["is_new"]) == (201, True)
    assert (again.status_code, again.json()["is_new"]) == (200, False)
    page = service.client.get("/lists/win_back").json()
    assert page["list"] == first.json()["list"] == again.json()["list"]
    assert page["list"]["issued_by"].startswith("tests")
    assert list(page["rows"][0]) == list(LIST_COLUMNS)
    assert "the probability of no purchase in the 91 days" in page["list"]["churn_sentence"]
    assert [head["kind"] for head in service.client.get("/lists").json()["lists"]] == ["win_back"]


def test_issuing_needs_its_own_scope(service: Any) -> None:  # noqa: ANN401
    reply = service.client.post("/lists/win_back", headers={"authorization": f"Bearer {service.key(Scope.LIST)}"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (403, "wrong_scope")


def test_no_list_is_issued_while_a_table_is_stopped(own_service: Any) -> None:  # noqa: ANN401
    service = without_lists(own_service)
    stop_transactions(service.state.settings)
    reply = service.client.post("/lists/at_risk")
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "stopped")
    assert "stopped the table transactions (quarantined_share)" in reply.json()["error"]["message"]
    assert service.client.get("/lists").json()["lists"] == []


def test_no_list_is_issued_that_a_check_stops(own_service: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    service = without_lists(own_service)
    settings = service.state.settings
    strict = replace(settings.checks, lists=replace(settings.checks.lists, severity={"without_reason": "stop"}))
    service.state.settings = replace(settings, checks=strict)
    no_reasons = [pl.lit(None, pl.String).alias(f"reason_{number}") for number in (1, 2, 3)]
    monkeypatch.setattr("serving.lists.weekly.list_reason_columns", lambda: no_reasons)
    reply = service.client.post("/lists/recovery")
    assert (reply.status_code, reply.json()["error"]["code"]) == (409, "stopped")
    assert "Lists failed validation and were not issued: Every row has a reason" in reply.json()["error"]["message"]
    assert service.client.get("/lists").json()["lists"] == []


def stop_transactions(settings: Settings) -> None:
    record = LoadRecord(
        "transactions",
        checked_at="2026-01-01T00:00:00",
        seen_at="2026-01-01T00:00:00",
        content="1",
        read=2,
        used=1,
        usable=False,
        stopped=["quarantined_share"],
    )
    append_records(settings.workspace.path, [record])


def test_the_newest_list_without_a_limit_is_effective(own_service: Any) -> None:  # noqa: ANN401
    service = own_service
    before = service.client.get("/lists/win_back").json()["list"]
    newer, *_ = issue(service.state.settings, service.state.engine, planned_list(service, budget=5.0), "marketing", utc_now())
    issue(service.state.settings, service.state.engine, planned_list(service, limit=2), "marketing", utc_now())
    head = service.client.get("/lists/win_back").json()["list"]
    assert head["list_id"] == newer.list_id != before["list_id"]
    contacts = issued_contacts(service.state.engine).filter(pl.col("campaign_id").str.starts_with("win_back"))
    assert set(contacts["campaign_id"]) == {newer.list_id, before["list_id"]}
    assert contacts["customer_id"].is_unique().all()


def planned_list(service: Any, **bounds: Any) -> WeeklyList:  # noqa: ANN401
    return make_list(service.state.settings, service.state.engine, ListKind.WIN_BACK, **bounds)


def test_pages_follow_each_other_without_gaps(service: Any) -> None:  # noqa: ANN401
    full = service.client.get("/lists/at_risk?limit=1000&arm=all").json()
    ranks, cursor = [], ""
    for _ in range(100):
        page = service.client.get(
            f"/lists/at_risk?arm=all&limit=7&cursor={cursor}" if cursor else "/lists/at_risk?arm=all&limit=7"
        )
        ranks += ranks_in(page)
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    assert ranks == [row["rank"] for row in full["rows"]] == list(range(1, full["list"]["rows"] + 1))


def test_rows_can_be_filtered_by_segment_stage_and_arm(service: Any) -> None:  # noqa: ANN401
    all_rows = service.client.get("/lists/at_risk?limit=1000&arm=all").json()["rows"]
    for name, column in (("segment", "loyalty_segment"), ("stage", "lifecycle_stage"), ("arm", "arm")):
        value = all_rows[0][column]
        filtered = service.client.get(f"/lists/at_risk?limit=1000&{name}={value}{'' if name == 'arm' else '&arm=all'}").json()[
            "rows"
        ]
        assert filtered == [row for row in all_rows if row[column] == value]


def test_a_download_has_all_rows_and_opens_in_spreadsheets(service: Any) -> None:  # noqa: ANN401
    full = service.client.get("/lists/at_risk?limit=1000").json()
    csv = service.client.get("/lists/at_risk?format=csv")
    assert csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert csv.headers["content-disposition"] == f'attachment; filename="{full["list"]["list_id"]}.csv"'
    frame = pl.read_csv(io.BytesIO(csv.content), infer_schema=False)
    assert frame.columns == [*LIST_COLUMNS, *EVIDENCE_COLUMNS]
    assert frame["customer_id"].to_list() == [row["customer_id"] for row in full["rows"]]
    xlsx = service.client.get("/lists/at_risk?format=xlsx&limit=3")
    assert xlsx.content.startswith(b"PK")


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("week=1999-W01", 404, "week"),
        ("week=soon", 422, "week"),
        ("list_id=none", 404, "list_id"),
        ("cursor=bm9uZSAx", 404, "list_id"),
        ("cursor=%2B%2B", 422, "cursor"),
        ("cursor=YSA5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk", 422, "cursor"),
        ("limit=0", 422, "limit"),
        ("limit=82722523903061651525468160", 422, "limit"),
        ("limit=many", 422, "limit"),
        ("format=pdf", 422, "format"),
        ("spreadsheet=perhaps", 422, "spreadsheet"),
        ("arms=treated", 422, "arms"),
        ("arm=treatet", 422, "arm"),
        ("arm=", 422, "arm"),
        ("arm=treated&arm=all", 422, "arm"),
        ("segment=nope", 422, "segment"),
        ("segment=", 422, "segment"),
        ("stage=hard_core", 422, "stage"),
        ("region=Atlantis", 422, "region"),
        ("action=dance", 422, "action"),
        ("Week=2025-W53", 422, "Week"),
        ("%00=1", 422, "(unreadable)"),
    ],
)
def test_a_bad_parameter_is_refused_with_its_name(service: Any, query: str, status: int, field: str) -> None:  # noqa: ANN401
    reply = service.client.get(f"/lists/recovery?{query}")
    assert (reply.status_code, reply.json()["error"]["field"]) == (status, field)


def test_a_cursor_of_another_list_is_refused(service: Any) -> None:  # noqa: ANN401
    cursor = service.client.get("/lists/at_risk?limit=1").json()["next_cursor"]
    assert service.client.get(f"/lists/win_back?cursor={cursor}").status_code == 404


def test_the_audit_records_who_read_which_list_and_how_many_rows(service: Any) -> None:  # noqa: ANN401
    page = service.client.get("/lists/at_risk?limit=5").json()
    service.client.get("/customers/000001")
    with service.state.engine.connect() as connection:
        rows = connection.execute(sa.select(AUDIT).order_by(AUDIT.c.entry.desc()).limit(2)).mappings().all()
    assert (rows[1]["what"], rows[1]["subject"], rows[1]["rows"]) == ("list read", page["list"]["list_id"], 5)
    assert rows[1]["client"].startswith("tests")
    assert (rows[0]["what"], rows[0]["subject"]) == ("customer read", service.state.hash_id("000001"))


def test_the_refusal_of_a_filter_names_the_allowed_values(service: Any) -> None:  # noqa: ANN401
    def message(query: str) -> str:
        return str(service.client.get(f"/lists/at_risk?{query}").json()["error"]["message"])

    assert message("arm=nope") == "Input should be 'treated', 'control' or 'all'."
    assert "'hard_core', 'split', 'shifting', 'switcher' or 'undetermined'" in message("segment=nope")
    assert "no parameter arms; its parameters are action, arm, cursor, details, format, limit" in message("arms=treated")
    rows = pl.DataFrame(service.client.get("/lists/at_risk?limit=1000&arm=all").json()["rows"])
    assert message("action=dance").startswith("No customer has this action; the lists of this run have ")
    assert rows["action"][0] in message("action=dance")


def test_held_out_customers_come_only_on_request_in_rows_and_in_files(service: Any) -> None:  # noqa: ANN401
    page = service.client.get("/lists/at_risk?limit=1000").json()
    assert (page["arm"], {row["arm"] for row in page["rows"]}) == ("treated", {"treated"})
    full = service.client.get("/lists/at_risk?limit=1000&arm=all").json()
    held_out = {row["customer_id"] for row in full["rows"] if row["arm"] == "control"}
    assert held_out
    assert len(page["rows"]) + len(held_out) == full["list"]["rows"] == len(full["rows"])
    for file, read in (("csv", pl.read_csv), ("parquet", pl.read_parquet)):
        rows = read(io.BytesIO(service.client.get(f"/lists/at_risk?format={file}").content))
        assert set(rows["arm"]) == {"treated"}, file
        rows = read(io.BytesIO(service.client.get(f"/lists/at_risk?format={file}&arm=all").content))
        assert set(rows["arm"]) == {"treated", "control"}, file
    texts = [texts_of(service.client.get(f"/lists/at_risk?format=xlsx{arm}").content) for arm in ("", "&arm=all")]
    assert [held_out & text for text in texts] == [set(), held_out]


def texts_of(workbook: bytes) -> set[str]:
    """Return all texts of a workbook."""
    strings = zipfile.ZipFile(io.BytesIO(workbook)).read("xl/sharedStrings.xml").decode()
    return set(re.findall(r"<t[^>]*>([^<]*)</t>", strings))


def test_the_document_has_the_values_of_filters(service: Any) -> None:  # noqa: ANN401
    document = service.client.get("/docs.json").json()
    text = str(document["paths"]["/lists/{kind}"]["get"]["parameters"]) + str(document["components"]["schemas"])
    assert document["components"]["schemas"]["Arm"]["enum"] == ["treated", "control", "all"]
    assert document["components"]["schemas"]["Segment"]["enum"][0] == "hard_core"
    assert document["components"]["schemas"]["Stage"]["enum"][0] == "prospect"
    assert "spreadsheet" in text


def test_every_route_refuses_parameters_it_does_not_declare(service: Any) -> None:  # noqa: ANN401
    routes = [route for module in ROUTE_MODULES for route in module.ROUTES.routes]
    assert len(routes) > 25
    for route in routes:
        assert isinstance(route, DeclaredRoute), route.path
    for path in ("/lists", "/runs/latest", "/customers/000001", "/docs.json", "/metrics", "/readyz", "/livez"):
        reply = service.client.get(f"{path}?nonsense=1")
        assert (reply.status_code, reply.json()["error"]["field"]) == (422, "nonsense"), path
    for method, path, body in (
        ("POST", "/score", {"customer_ids": ["000001"]}),
        ("POST", "/lists/at_risk", None),
        ("POST", "/suppressions", {"customer_id": "000001"}),
        ("DELETE", "/customers/000001", None),
    ):
        reply = service.client.request(method, f"{path}?preemptiv=true", json=body)
        assert (reply.status_code, reply.json()["error"]["field"]) == (422, "preemptiv"), path
    assert service.client.post("/score", json={"customer_ids": ["000001"]}).json()["suppressed"] == []


def test_access_is_checked_before_parameters(service: Any) -> None:  # noqa: ANN401
    assert service.send("GET", "/lists?nonsense=1", "").status_code == 401
    assert service.send("GET", "/lists?nonsense=1", service.key(Scope.SCORE)).status_code == 403


def test_ids_in_csv_are_the_data_and_a_switch_neutralises_them(own_service: Any) -> None:  # noqa: ANN401
    service, ids = own_service, ["+4917012345", "-5", "=x", "＝1+1", "\ty", "'=x"]
    head = service.client.get("/lists/win_back?limit=1").json()["list"]
    with service.state.engine.begin() as connection:
        of_list = (LIST_ROWS.c.list_id == head["list_id"], LIST_ROWS.c.arm == "treated")
        ranks = connection.scalars(sa.select(LIST_ROWS.c.rank).where(*of_list).order_by(LIST_ROWS.c.rank).limit(len(ids))).all()
        for rank, customer_id in zip(ranks, ids, strict=True):
            row = LIST_ROWS.update().where(LIST_ROWS.c.list_id == head["list_id"], LIST_ROWS.c.rank == rank)
            connection.execute(row.values(customer_id=customer_id))
    plain = service.client.get("/lists/win_back?format=csv").content
    assert plain.startswith(b"list_id,")
    assert pl.read_csv(plain, infer_schema=False)["customer_id"].head(6).to_list() == ids
    marked = service.client.get("/lists/win_back?format=csv&spreadsheet=true").content
    assert marked.startswith(b"\xef\xbb\xbflist_id,")
    assert pl.read_csv(marked, infer_schema=False)["customer_id"].head(6).to_list() == [f"'{text}" for text in ids]


def test_head_is_answered_as_get_without_issuing(service: Any) -> None:  # noqa: ANN401
    before = service.client.get("/lists").json()
    for path in ("/lists", "/lists/at_risk", "/runs/latest", "/customers/000001", "/readyz", "/docs.json"):
        head, got = service.client.head(path), service.client.get(path)
        assert (head.status_code, head.headers["content-type"]) == (200, got.headers["content-type"]), path
    assert service.client.head("/lists/at_risk?nonsense=1").status_code == 422
    assert service.client.head("/suppressions/x").status_code == 200
    assert service.client.head("/score").status_code == 405
    assert service.client.put("/lists").headers["allow"] == "GET, HEAD"
    assert service.client.get("/lists").json() == before
