"""Names and addresses of customers: on pages, in files and in replies for keys with the scope details, and for no other key."""

import io
import re
import zipfile
from typing import Any

import polars as pl
import pytest
from starlette.testclient import TestClient

from serving.schemas.details import DETAIL_COLUMNS
from serving.store.bulk import write_rows
from serving.store.keys import Scope
from serving.store.runs import read_current_run
from serving.store.schema import detail_table

WITH, WITHOUT = (Scope.LIST, Scope.DETAILS), (Scope.LIST, Scope.SCORE, Scope.ISSUE, Scope.ADMIN)


@pytest.fixture
def known(own_service: Any) -> dict[str, Any]:  # noqa: ANN401  # a fixture
    """Give the first two customers to act on details, the second one a name that looks like markup; return the first."""
    state = own_service.state
    rows = own_service.client.get("/lists/at_risk").json()["rows"]
    table = detail_table(read_current_run(state.engine).run_id)
    details = [(rows[0]["customer_id"], "K-4711", "Anna Quist", "anna@quist.example", "+49 170 1")]
    details.append((rows[1]["customer_id"], None, "<b>Bo</b>", "=bo@example.com", None))
    with state.engine.begin() as connection:
        table.create(connection)
    schema: dict[str, pl.DataType] = {"customer_id": pl.String(), **DETAIL_COLUMNS}
    write_rows(state.engine, table, pl.DataFrame(details, schema=schema, orient="row").sort("customer_id"))
    return dict(rows[0])


def browser(service: Any, *scopes: Scope) -> TestClient:  # noqa: ANN401  # a fixture
    client = TestClient(service.client.app, raise_server_exceptions=False)
    client.post("/ui/login", data={"key": service.key(*scopes)})
    return client


def file_of(client: TestClient, known: dict[str, Any], file: str) -> bytes:
    parameters = {"list_id": known["list_id"], "format": file, "confirmed": known["data_as_of"]}
    return bytes(client.get("/ui/week/download", params=parameters).content)


def words_of(workbook: bytes) -> set[str]:
    """Return the texts in the cells of a workbook."""
    texts = zipfile.ZipFile(io.BytesIO(workbook)).read("xl/sharedStrings.xml").decode()
    return set(re.findall(r"<t[^>]*>(.*?)</t>", texts, re.DOTALL))


def test_lists_and_cards_name_the_customer_for_those_who_may_know(own_service: Any, known: dict[str, Any]) -> None:  # noqa: ANN401
    reader, other = browser(own_service, *WITH), browser(own_service, *WITHOUT)
    week, all_columns = reader.get("/ui/week").text, reader.get("/ui/week?column=name&column=email&column=phone").text
    assert ("Anna Quist" in week, "anna@quist.example" in week) == (True, False)
    assert "&lt;b&gt;Bo&lt;/b&gt;" in week
    assert "anna@quist.example" in all_columns
    card = reader.get(f"/ui/customers/{known['customer_id']}").text
    assert all(text in card for text in ("Anna Quist", "anna@quist.example", "+49 170 1", "K-4711"))
    for path in ("week", "week?column=name&column=email", f"customers/{known['customer_id']}", "customers?customer_id=quist"):
        page = other.get(f"/ui/{path}").text.lower()
        assert "anna" not in page, path
        assert "quist@" not in page, path


def test_a_customer_is_found_by_name_or_address(own_service: Any, known: dict[str, Any]) -> None:  # noqa: ANN401
    reader, other = browser(own_service, *WITH), browser(own_service, *WITHOUT)
    for text in ("quist", "ANNA@quist.example", "k-4711", "170 1"):
        found = reader.get("/ui/customers", params={"customer_id": text})
        assert found.url.path == f"/ui/customers/{known['customer_id']}", text
        assert other.get("/ui/customers", params={"customer_id": text}).status_code == 404, text
    several = reader.get("/ui/customers", params={"customer_id": "example"})
    assert (several.status_code, "Anna Quist" in several.text, "=bo@example.com" in several.text) == (200, True, True)
    nobody = reader.get("/ui/customers", params={"customer_id": "nobody-has-this"})
    assert "no customer with this id, customer number, name, e-mail, or phone" in " ".join(nobody.text.split())


def test_files_of_the_pages_have_the_details(own_service: Any, known: dict[str, Any]) -> None:  # noqa: ANN401
    reader, other = browser(own_service, *WITH), browser(own_service, *WITHOUT)
    rows = pl.read_csv(io.BytesIO(file_of(reader, known, "csv")), infer_schema=False)
    assert rows.columns[-4:] == ["external_id", "name", "email", "phone"]
    assert rows.filter(customer_id=known["customer_id"]).row(0)[-4:] == (
        "K-4711",
        "Anna Quist",
        "anna@quist.example",
        "'+49 170 1",
    )
    assert rows["email"].drop_nulls().sort().to_list() == ["'=bo@example.com", "anna@quist.example"]
    words = words_of(file_of(reader, known, "xlsx"))
    assert {"Customer number", "Name", "E-mail", "Phone", "K-4711", "Anna Quist", "anna@quist.example", "+49 170 1"} <= words
    assert pl.read_parquet(io.BytesIO(file_of(reader, known, "parquet")))["name"].drop_nulls().len() == 2
    for file in ("csv", "parquet"):
        assert b"quist" not in file_of(other, known, file)
    assert words_of(file_of(other, known, "xlsx")).isdisjoint({"Name", "E-mail", "Anna Quist", "anna@quist.example"})


def test_the_api_has_them_on_request_only(own_service: Any, known: dict[str, Any]) -> None:  # noqa: ANN401
    key, other = own_service.key(*WITH), own_service.key(*WITHOUT)
    assert "name" not in own_service.send("GET", "/lists/at_risk", key).json()["rows"][0]
    reply = own_service.send("GET", "/lists/at_risk?details=true", key)
    assert reply.json()["rows"][0]["name"] == "Anna Quist"
    table = own_service.send("GET", "/lists/at_risk?details=true&format=csv", key).text
    assert table.splitlines()[0].endswith(",external_id,name,email,phone")
    assert f"{known['customer_id']}," in table
    assert ",+49 170 1" in table  # the data, without an apostrophe
    refused = own_service.send("GET", "/lists/at_risk?details=true", other)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "wrong_scope")
    again = own_service.send("GET", "/lists/at_risk?details=true", key, headers={"if-none-match": reply.headers["etag"]})
    assert again.status_code == 304


def test_details_of_a_customer_who_objected_are_not_shown(own_service: Any, known: dict[str, Any]) -> None:  # noqa: ANN401
    own_service.client.post("/suppressions", json={"customer_id": known["customer_id"]})
    reader = browser(own_service, *WITH)
    for path in ("week", f"customers/{known['customer_id']}", "customers?customer_id=quist"):
        assert "Anna" not in reader.get(f"/ui/{path}").text, path
    assert b"quist" not in file_of(reader, known, "csv")
