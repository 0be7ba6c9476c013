"""A whole run by pages, as JSON lines and as Parquet, and what changed since an earlier run."""

import io
import json
import re
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from serving.privacy.erasure import erase
from serving.privacy.objections import suppress
from serving.schemas.scores import SCORE_COLUMNS
from serving.store.keys import Scope
from serving.store.publish import publish
from serving.store.read import read_scores_by_action
from serving.store.schema import AUDIT
from settings.clock import utc_now

ROWS = 700


def get(service: Any, query: str = "", run: object = "latest", **headers: str) -> Any:  # noqa: ANN401  # a fixture of this folder
    dashed = {name.replace("_", "-"): value for name, value in headers.items()}
    return service.client.get(f"/runs/{run}/scores{query}", headers=dashed)


def pages(service: Any, query: str) -> list[Any]:  # noqa: ANN401  # likewise
    replies = [get(service, query).json()]
    while replies[-1]["next_cursor"]:
        replies.append(get(service, f"{query}&cursor={replies[-1]['next_cursor']}").json())
    return replies


def lines(reply: Any) -> list[Any]:  # noqa: ANN401  # a response
    assert reply.status_code == 200, reply.text
    return [json.loads(line) for line in reply.text.splitlines()]


@pytest.fixture
def two_runs(own_service: Any) -> Any:  # noqa: ANN401  # a fixture of this folder
    """A service with a second run, a week later: three customers have another band, and one is new."""
    engine = own_service.state.engine
    actions = [row for (row,) in engine.connect().execute(sa.text("select distinct action from scores_1"))]
    _, scores = read_scores_by_action(engine, actions)
    ids = scores["customer_id"].sort()
    flipped = pl.col("customer_id").is_in(ids[10:13].to_list())
    bands = pl.when(flipped).then(pl.lit("other")).otherwise("churn_band").alias("churn_band")
    new = scores.head(1).with_columns(pl.lit("zzz").alias("customer_id"))
    later = pl.concat([scores, new]).with_columns(bands, pl.col("as_of") + timedelta(days=7))
    publish(engine, later, 91)
    return own_service, ids[10:13].to_list()


def test_pages_files_and_single_scores_agree(service: Any) -> None:  # noqa: ANN401
    found = [row for page in pages(service, "?limit=300") for row in page["scores"]]
    assert [len(page["scores"]) for page in pages(service, "?limit=300")] == [300, 300, 100]
    ids = [row["customer_id"] for row in found]
    assert (len(set(ids)), ids) == (ROWS, sorted(ids))
    single = service.client.post("/score", json={"customer_ids": ids}).json()["scores"]
    assert found == single
    assert lines(get(service, "?format=ndjson")) == single
    frame = pl.read_parquet(io.BytesIO(get(service, "?format=parquet").content))
    assert (frame["customer_id"].to_list(), frame.columns) == (ids, [*SCORE_COLUMNS, "stale"])
    assert dict(frame.drop("stale").schema) == SCORE_COLUMNS
    assert frame["p_churn"].to_list() == [row["p_churn"] for row in single]


def test_fields_limit_and_cursor_bound_what_is_returned(service: Any) -> None:  # noqa: ANN401
    page = get(service, "?fields=p_churn,action&limit=2").json()
    assert [list(row) for row in page["scores"]] == [["customer_id", "p_churn", "action"]] * 2
    assert (page["rows"], page["changed_since"], page["model_version"] != "") == (ROWS, None, True)
    rest = lines(get(service, f"?fields=p_churn&format=ndjson&cursor={page['next_cursor']}"))
    assert (len(rest), list(rest[0])) == (ROWS - 2, ["customer_id", "p_churn"])
    assert len(lines(get(service, "?format=ndjson&limit=3"))) == 3
    assert pl.read_parquet(io.BytesIO(get(service, "?format=parquet&limit=3&fields=stale").content)).shape == (3, 2)


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("?fields=", 422, "fields"),
        ("?fields=p_churn,secret", 422, "fields"),
        ("?cursor=x", 422, "cursor"),
        ("?cursor=OTk5IDAwMDAwMQ", 404, "run_id"),
        ("?limit=0", 422, "limit"),
        ("?format=xml", 422, "format"),
        ("?changed_since=99", 404, "changed_since"),
        ("?changed_since=1999-01-01", 404, "changed_since"),
        ("?changed_since=2026-13-01", 422, "changed_since"),
        ("?changed_since=yesterday", 422, "changed_since"),
    ],
)
def test_a_bad_parameter_is_refused_with_its_name(service: Any, query: str, status: int, field: str) -> None:  # noqa: ANN401
    reply = get(service, query)
    assert (reply.status_code, reply.json()["error"]["field"]) == (status, field)


@pytest.mark.parametrize("run", [99, 999_999_999, "x", "-1", "1.0", "current"])
def test_an_unknown_run_is_404(service: Any, run: object) -> None:  # noqa: ANN401
    assert get(service, run=run).status_code == 404


def test_a_cursor_of_another_run_is_refused(service: Any) -> None:  # noqa: ANN401
    assert get(service, "?cursor=OTk5IDAwMDAwMQ", run=1).json()["error"]["message"] == "The cursor belongs to another run."


def test_only_the_scope_score_reads_a_run(service: Any) -> None:  # noqa: ANN401
    statuses = [service.send("GET", "/v1/runs/latest/scores", service.key(scope)).status_code for scope in Scope]
    assert statuses == [200 if scope is Scope.SCORE else 403 for scope in Scope]


@pytest.mark.parametrize("query", ["?limit=1000", "?format=ndjson", "?format=parquet"])
def test_withheld_customers_are_in_no_format(own_service: Any, query: str) -> None:  # noqa: ANN401
    state = own_service.state
    suppress(state.settings, state.engine, "000001", utc_now(), "test")
    erase(state.settings, state.engine, "000002", utc_now(), "test")
    reply = get(own_service, query)
    text = str(pl.read_parquet(io.BytesIO(reply.content))["customer_id"].to_list()) if "parquet" in query else reply.text
    ids = set(re.findall(r"[\"'](\d{6})[\"']", text))  # quoted: the digits of a number may be those of an id
    assert ("000001" in ids, "000002" in ids, "000003" in ids) == (False, False, True)


def test_an_entity_tag_lasts_until_a_customer_objects(own_service: Any) -> None:  # noqa: ANN401
    state = own_service.state
    own_service.client.post("/lists/at_risk")
    for path in ("/runs/latest/scores?format=ndjson", "/runs/1/scores", "/lists/at_risk", "/lists/at_risk?format=csv"):
        first = own_service.client.get(path)
        again = own_service.client.get(path, headers={"if-none-match": f'"x", {first.headers["etag"]}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"]), path
        assert own_service.client.get(path, headers={"if-none-match": '"x"'}).status_code == 200
    tags = {own_service.client.get(f"/runs/1/scores{query}").headers["etag"] for query in ("", "?limit=5", "?fields=p_churn")}
    assert len(tags) == 3
    before = get(own_service).headers["etag"]
    suppress(state.settings, state.engine, "000001", utc_now(), "test")
    assert get(own_service, if_none_match=before).status_code == 200


def test_a_change_is_a_new_customer_or_another_value_of_a_requested_field(two_runs: Any) -> None:  # noqa: ANN401
    service, flipped = two_runs
    for since in ("1", str(get(service, run=1).json()["as_of"])):
        changed = [
            row for page in pages(service, f"?fields=churn_band,action&changed_since={since}&limit=2") for row in page["scores"]
        ]
        assert [row["customer_id"] for row in changed] == [*flipped, "zzz"]
    assert [row["customer_id"] for row in lines(get(service, "?format=ndjson&fields=action&changed_since=1"))] == ["zzz"]
    assert len(lines(get(service, "?format=ndjson&changed_since=1"))) == 4
    assert lines(get(service, "?format=ndjson&changed_since=2")) == []
    assert pl.read_parquet(io.BytesIO(get(service, "?format=parquet&changed_since=2").content)).height == 0
    assert get(service, "?changed_since=1&fields=action").json()["changed_since"] == 1


def test_a_page_with_few_changes_ends_after_a_bounded_number_of_rows(two_runs: Any, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    service, _ = two_runs
    monkeypatch.setattr("serving.store.run_rows.CHUNK_ROWS", 100)
    monkeypatch.setattr("serving.api.runs.CHUNK_ROWS", 100)
    monkeypatch.setattr("serving.api.runs.MAX_SCANNED_ROWS", 200)
    counts = [len(page["scores"]) for page in pages(service, "?changed_since=1&limit=50")]
    assert (counts, sum(counts)) == ([3, 0, 0, 1, 0], 4)


def test_the_audit_records_each_read_with_its_rows(own_service: Any) -> None:  # noqa: ANN401
    get(own_service, "?limit=5")
    get(own_service, "?format=ndjson")
    with own_service.state.engine.connect() as connection:
        query = sa.select(AUDIT.c.subject, AUDIT.c.rows).where(AUDIT.c.what == "scores read").order_by(AUDIT.c.entry)
        assert connection.execute(query).all() == [("run 1", 5), ("run 1", ROWS)]
