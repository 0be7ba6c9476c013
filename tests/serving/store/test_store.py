import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from serving.schemas.scores import SCORE_COLUMNS
from serving.store import bulk
from serving.store.audit import add_audit_entry
from serving.store.engine import StoreError, open_store
from serving.store.erasure import delete_from_runs, discard_deleted_rows
from serving.store.publish import drop_runs, publish
from serving.store.read import current_actions, find_scores, read_scores_by_action, score_history, with_retry
from serving.store.runs import NoRunError, Run, current_run, kept_runs
from serving.store.schema import METADATA, RUNS, VERSION_TABLE
from serving.store.targets import NoTargetsError
from serving.store.units import current_units, read_units, unit_list_rows
from serving.store.withdrawal import WithdrawalError, list_runs, withdraw_run
from serving.targeting.units import UNIT_COLUMNS
from settings.clock import utc_now

ADDED_IN_0005 = (("lists", "issue_order"), ("lists", "withdrawn_at"), ("list_rows", "unit"), ("withheld", "removed_at"))
ADDED_IN_0007 = (("audit", "note"), ("lists", "acted_on_at"))
ADDED_IN_0008 = ("p_churn_low", "p_churn_high", "next_order_reason", *(f"p_no_order_{days}" for days in (30, 60, 90, 180, 365)))
ROOT = Path(__file__).resolve().parents[3]
CUSTOMER_IDS = [f"c{number}" for number in range(200)]
FIRST_COLUMNS = """status text, lifecycle_stage text, relationship_level text, loyalty_segment text,
p_hard_core double precision, p_split double precision, p_shifting double precision, p_switcher double precision,
recency_days bigint, orders bigint, historic_value double precision, p_churn double precision, churn_band text,
churn_percentile double precision, p_alive double precision, expected_orders double precision, expected_value double precision,
value_low double precision, value_high double precision, value_if_stays double precision, value_at_risk double precision,
next_order_date date, next_order_low date, next_order_high date, open_complaints bigint, action text,
action_cost double precision, expected_gain double precision, reasons text, no_score_reason text"""
FIRST_SCHEMA = f"""create table runs (run_id integer primary key, as_of date not null, scored_at timestamp not null,
model_version text not null, horizon_days integer not null, rows integer not null);
create table scores (run_id integer, customer_id text, {FIRST_COLUMNS}, primary key (run_id, customer_id));
insert into runs values (4, '2025-03-01', '2025-03-01 12:00:00.000000', '1', 90, 1);
insert into scores (run_id, customer_id, p_churn, action) values (4, '007', 0.25, 'none')"""  # noqa: S608  # fixed text


def set_published_at(engine: sa.Engine, run: Run, moment: datetime) -> None:
    with engine.begin() as connection:
        connection.execute(RUNS.update().where(RUNS.c.run_id == run.run_id).values(published_at=moment))


def scores(as_of: date, *customers: str, version: str = "1") -> pl.DataFrame:
    reasons = [{"text": "No order for 9 days", "weight": 0.5, "direction": "raises"}]
    rows = [
        {
            "customer_id": customer,
            "as_of": as_of,
            "scored_at": datetime(2025, 3, 1, 12, 0, 0, 123),
            "model_version": version,
            "horizon_days": 90,
            "currency": "EUR",
            "p_churn": 0.25,
            "orders": 3,
            "action": "retention",
            "next_order_date": date(2025, 4, 1),
            "reasons": reasons,
        }
        for customer in customers
    ]
    return pl.DataFrame(rows, schema=SCORE_COLUMNS)


def test_a_score_is_read_as_it_was_published(store: sa.Engine) -> None:
    published = scores(date(2025, 3, 1), "007", "Zoë")
    publish(store, published, 90)
    run, by_id = find_scores(store, ["Zoë", "007", "unknown"])
    assert (run.as_of, run.model_version, run.horizon_days, run.rows) == (date(2025, 3, 1), "1", 90, 2)
    assert [by_id[customer] for customer in ("007", "Zoë")] == published.to_dicts()
    assert "unknown" not in by_id
    assert read_scores_by_action(store, ["retention"])[1].equals(published)
    assert current_actions(store) == ["retention"]


def test_only_the_newest_as_of_date_becomes_current(store: sa.Engine) -> None:
    newest = publish(store, scores(date(2025, 3, 8), "a", version="2"), 90)
    publish(store, scores(date(2025, 3, 1), "a", "b"), 90)
    with store.connect() as connection:
        assert current_run(connection) == newest
    again = publish(store, scores(date(2025, 3, 8), "a", version="3"), 90)
    with store.connect() as connection:
        assert current_run(connection) == again


def test_equal_scores_are_not_published_twice(store: sa.Engine) -> None:
    first = publish(store, scores(date(2025, 3, 1), "a", "b"), 90)
    later = scores(date(2025, 3, 1), "a", "b").with_columns(pl.lit(datetime(2025, 3, 2)).alias("scored_at"))
    assert publish(store, later, 90) == first
    other = publish(store, scores(date(2025, 3, 1), "a"), 90)
    assert other.run_id > first.run_id
    assert publish(store, later, 90).run_id > other.run_id  # scores that a newer run replaced are published again


def test_an_interrupted_publication_leaves_the_previous_run_and_the_next_one_completes(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, scores(date(2025, 3, 1), "a"), 90)
    write_rows = bulk.write_rows

    def write_partly(engine: sa.Engine, table: sa.Table, rows: pl.DataFrame) -> None:
        write_rows(engine, table, rows.head(1))
        raise KeyboardInterrupt

    monkeypatch.setattr("serving.store.publish.write_rows", write_partly)
    newer = scores(date(2025, 3, 8), "a", "b")
    with pytest.raises(KeyboardInterrupt):
        publish(store, newer, 90)
    assert find_scores(store, ["a", "b"])[0].as_of == date(2025, 3, 1)
    monkeypatch.undo()
    run = publish(store, newer, 90)
    assert set(find_scores(store, ["a", "b"])[1]) == {"a", "b"}
    assert score_tables(store) == {"scores_1", f"scores_{run.run_id}"}


PUBLISH_AND_BE_KILLED = """
import os, sys, signal
import polars as pl
import serving.store.publish as publishing
from serving.store.engine import open_store
write_rows = publishing.write_rows
def write_partly(engine, table, rows):
    write_rows(engine, table, rows.head(1))
    os.kill(os.getpid(), signal.SIGKILL)
publishing.write_rows = write_partly
publishing.publish(open_store(sys.argv[1]), pl.read_parquet(sys.argv[2]), 90)
"""


def test_a_killed_publication_holds_no_lock_and_leaves_no_rows(store: sa.Engine, store_url: str, tmp_path: Path) -> None:
    publish(store, scores(date(2025, 3, 1), "a"), 90)
    newer = scores(date(2025, 3, 8), "a", "b")
    newer.write_parquet(tmp_path / "newer.parquet")
    script = [sys.executable, "-c", PUBLISH_AND_BE_KILLED, store_url, str(tmp_path / "newer.parquet")]
    killed = subprocess.run(script, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert find_scores(store, ["a", "b"])[0].as_of == date(2025, 3, 1)
    assert publish(store, newer, 90).rows == 2
    assert len(score_tables(store)) == 2


def test_one_date_far_ahead_deletes_no_run_and_not_the_run_just_written(store: sa.Engine) -> None:
    regular = [publish(store, scores(date(2025, 1, 1) + timedelta(weeks=week), "a"), 90, keep_weeks=2) for week in range(6)]
    ahead = publish(store, scores(date(2025, 12, 1), "a"), 90, keep_weeks=2)
    corrected = publish(store, scores(date(2025, 2, 12), "a"), 90, keep_weeks=2)
    assert [entry.run for entry in list_runs(store)] == [ahead, corrected, *regular[::-1]]


def test_old_runs_go_but_never_the_current_one_the_one_before_it_and_the_one_just_written(store: sa.Engine) -> None:
    runs = [publish(store, scores(date(2025, 1, 1) + timedelta(weeks=week), "a"), 90, keep_weeks=1) for week in range(3)]
    for run in runs:
        set_published_at(store, run, datetime(2025, 2, 1))
    backfilled = publish(store, scores(date(2024, 6, 1), "a"), 90, keep_weeks=1)
    set_published_at(store, backfilled, datetime(2025, 2, 1))
    assert [entry.run for entry in list_runs(store)] == [runs[2], runs[1], backfilled]


def test_a_deletion_of_a_run_that_is_interrupted_leaves_the_run_whole(store: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    first, _ = (publish(store, scores(date(2025, 3, day), "a"), 90) for day in (1, 2))
    drop = sa.Table.drop

    def fail(table: sa.Table, *arguments: object, **options: object) -> None:
        drop(table, *arguments, **options)  # type: ignore[arg-type]  # those of the method
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sa.Table, "drop", fail)
        with pytest.raises(KeyboardInterrupt):
            drop_runs(store, [first.run_id])
    assert [score["as_of"] for score in score_history(store, "a")] == [date(2025, 3, 1), date(2025, 3, 2)]
    drop_runs(store, [first.run_id])
    assert [score["as_of"] for score in score_history(store, "a")] == [date(2025, 3, 2)]


def test_a_withdrawn_run_is_followed_by_the_one_before_it(store: sa.Engine) -> None:
    first, second = (publish(store, scores(date(2025, 3, day), "a"), 90) for day in (1, 2))
    assert withdraw_run(store, second.run_id, utc_now(), "tests") == []
    assert find_scores(store, ["a"])[0] == first
    assert [entry.state for entry in list_runs(store)] == ["withdrawn", "complete"]
    with pytest.raises(WithdrawalError, match="was withdrawn before"):
        withdraw_run(store, second.run_id, utc_now(), "tests")
    with pytest.raises(WithdrawalError, match="is not published; `runs` shows all runs"):
        withdraw_run(store, 99, utc_now(), "tests")
    again = publish(store, scores(date(2025, 3, 2), "a"), 90)
    assert (find_scores(store, ["a"])[0], again.run_id > second.run_id) == (again, True)


def test_runs_are_kept_for_the_given_weeks_and_the_newest_two_of_each_date(store: sa.Engine) -> None:
    first = publish(store, scores(date(2025, 1, 1), "a"), 90, keep_weeks=1)
    publish(store, scores(date(2025, 2, 26), "a"), 90, keep_weeks=1)
    set_published_at(store, first, utc_now() - timedelta(days=8))
    publish(store, scores(date(2025, 3, 5), "a"), 90, keep_weeks=1)
    for customer in ("b", "c", "d"):
        publish(store, scores(date(2025, 3, 5), "a", customer), 90, keep_weeks=1)
    with store.connect() as connection:
        assert [run.as_of for run in kept_runs(connection)] == [date(2025, 2, 26), date(2025, 3, 5)]
    assert len(score_tables(store)) == 3
    assert [score["as_of"] for score in score_history(store, "a")] == [date(2025, 2, 26), date(2025, 3, 5)]
    assert score_history(store, "unknown") == []


def test_readers_see_complete_runs_while_others_are_published(store: sa.Engine) -> None:
    days = [date(2025, 3, 1) + timedelta(days=days) for days in range(12)]
    publish(store, scores(days[0], *CUSTOMER_IDS), 90)

    def read(_: int) -> set[tuple[str, ...]]:
        run, by_id = find_scores(store, CUSTOMER_IDS)
        return {(str(run.as_of), str(score["as_of"]), str(len(by_id))) for score in by_id.values()}

    with ThreadPoolExecutor(3) as pool:
        results = pool.map(read, range(150))
        for day in days[1:]:
            publish(store, scores(day, *CUSTOMER_IDS), 90)
        assert all(run == score and count == str(len(CUSTOMER_IDS)) for result in results for run, score, count in result)


def test_a_read_is_retried_once_if_its_table_was_dropped(store: sa.Engine) -> None:
    statements = iter(["select p_churn from scores_999", "select 7"])
    assert with_retry(store, lambda connection: connection.scalar(sa.text(next(statements)))) == 7
    with pytest.raises(sa.exc.DBAPIError, match="scores_999"):
        with_retry(store, lambda connection: connection.scalar(sa.text("select p_churn from scores_999")))


def test_a_store_of_the_first_version_is_migrated_with_its_runs(store_url: str) -> None:
    engine = sa.create_engine(store_url)
    with engine.begin() as connection:
        for statement in FIRST_SCHEMA.split(";"):
            connection.execute(sa.text(statement))
    engine.dispose()
    store = open_store(store_url)
    run, by_id = find_scores(store, ["007"])
    assert (run.run_id, run.as_of, by_id["007"]["p_churn"], by_id["007"]["reasons"]) == (4, date(2025, 3, 1), 0.25, None)
    assert publish(store, scores(date(2025, 3, 8), "a"), 90).run_id == 5
    assert not {"runs", "scores"} & set(sa.inspect(store).get_table_names())
    assert score_history(store, "007")[0]["p_churn"] == 0.25
    store.dispose()


def test_the_migrated_schema_is_the_one_the_code_expects(store: sa.Engine) -> None:
    inspector = sa.inspect(store)
    for table in METADATA.tables.values():
        assert {column["name"] for column in inspector.get_columns(table.name)} == {column.name for column in table.columns}


def test_a_store_of_a_later_version_is_refused(store: sa.Engine, store_url: str) -> None:
    with store.begin() as connection:
        connection.execute(sa.text(f"update {VERSION_TABLE} set version_num = '9999'"))  # noqa: S608  # a fixed name
    with pytest.raises(StoreError, match="has version 9999; this Holdfast knows versions up to"):
        open_store(store_url)


@pytest.mark.slow
def test_several_processes_may_open_a_new_store_together(store_url: str) -> None:
    code = "import sys; from serving.store.engine import open_store; open_store(sys.argv[1])"
    processes = [
        subprocess.Popen([sys.executable, "-c", code, store_url], cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
        for _ in range(3)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]


@pytest.mark.parametrize("statement", ["update audit set client = 'me'", "delete from audit"])
def test_the_audit_is_append_only(store: sa.Engine, statement: str) -> None:
    with store.begin() as connection:
        add_audit_entry(connection, "ann", "list read", datetime(2025, 3, 1), "at_risk", 3)
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), store.begin() as connection:
        connection.execute(sa.text(statement))


def score_tables(store: sa.Engine) -> set[str]:
    return {name for name in sa.inspect(store).get_table_names() if name.startswith("scores_")}


def test_before_the_first_run_the_error_names_the_command_to_run(store: sa.Engine) -> None:
    with pytest.raises(NoRunError, match="run `score` first"):
        find_scores(store, ["a"])


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////proc/none/s.db", "postgresql://me:secret@127.0.0.1:1/x"])
def test_a_store_that_cannot_be_opened_is_an_error_without_its_password(url: str) -> None:
    with pytest.raises((StoreError, OSError)) as error:
        open_store(url)
    assert "secret" not in str(error.value)


def test_an_earlier_run_gets_value_if_leaves_and_keeps_its_rows(store_url: str) -> None:
    engine = open_store(store_url)
    run = publish(engine, scores(date(2025, 3, 1), "a", "b").with_columns(value_if_stays=40.0, value_at_risk=9.0), 90)
    with engine.begin() as connection:
        for column in ("value_if_leaves", *ADDED_IN_0008):
            connection.execute(sa.text(f"alter table scores_{run.run_id} drop column {column}"))
        connection.execute(sa.text("alter table scoring_runs drop column currency"))
        for table, column in (*ADDED_IN_0005, *ADDED_IN_0007):
            connection.execute(sa.text(f"alter table {table} drop column {column}"))
        connection.execute(sa.text(f"update {VERSION_TABLE} set version_num = '0003'"))  # noqa: S608  # a fixed name
    engine.dispose()
    migrated = open_store(store_url)
    current, by_id = find_scores(migrated, ["a", "b"])
    migrated.dispose()
    assert {name: score["value_if_leaves"] for name, score in by_id.items()} == {"a": 4.0, "b": 4.0}  # 40 - 9 / .25
    assert (current.currency, by_id["a"]["horizon_days"], by_id["a"]["currency"]) == (None, 90, None)
    assert {by_id["a"][name] for name in ADDED_IN_0008} == {None}


def unit_rows(*customers: str) -> pl.DataFrame:
    return pl.DataFrame([(customer, "u", "u v", 3) for customer in customers], schema=UNIT_COLUMNS, orient="row")


def test_units_are_published_with_a_run_and_dropped_with_it(store: sa.Engine) -> None:
    first = publish(store, scores(date(2025, 3, 1), "a"), 90, units=unit_rows("a", "b"))
    assert read_units(store, first.run_id).sort("customer_id").rows() == [("a", "u", "u v", 3), ("b", "u", "u v", 3)]
    assert current_units(store).height == 2
    second = publish(store, scores(date(2025, 3, 8), "a"), 90)
    for run in (first, second):
        set_published_at(store, run, utc_now() - timedelta(weeks=2))
    publish(store, scores(date(2025, 6, 1), "a"), 90, keep_weeks=1)
    assert f"units_{first.run_id}" not in sa.inspect(store).get_table_names()
    assert current_units(store).is_empty()  # a run of an earlier version


def test_the_same_scores_with_other_households_are_another_run(store: sa.Engine) -> None:
    published = scores(date(2025, 3, 1), "a")
    first = publish(store, published, 90, units=unit_rows("a", "b"))
    assert publish(store, published, 90, units=unit_rows("b", "a")) == first
    assert publish(store, published, 90, units=unit_rows("a", "c")).run_id > first.run_id


def test_an_erased_customer_is_deleted_from_the_units_of_all_runs(store: sa.Engine) -> None:
    for day in (1, 8):
        publish(store, scores(date(2025, 3, day), "a", "b"), 90, units=unit_rows("a", "b"))
    publish(store, scores(date(2025, 3, 15), "a"), 90)
    assert delete_from_runs(store, ["a"]) == 3
    assert [read_units(store, run_id)["customer_id"].to_list() for run_id in (1, 2)] == [["b"], ["b"]]


def test_there_are_no_units_before_the_first_run_and_none_of_a_deleted_one(store: sa.Engine) -> None:
    assert current_units(store).is_empty()
    with pytest.raises(NoTargetsError, match="Newer scores were published in the meantime"):
        read_units(store, 7)


def test_deleted_rows_leave_the_files_of_the_database(store: sa.Engine) -> None:
    run = publish(store, scores(date(2025, 3, 1), "cust-00001-z", "b"), 90)
    statements: list[str] = []
    sa.event.listen(store, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    delete_from_runs(store, ["cust-00001-z"])
    assert discard_deleted_rows(store, ["cust-00001-z"])
    if store.dialect.name == "postgresql":
        assert {f'vacuum "scores_{run.run_id}"', 'vacuum "list_rows"'} <= set(statements)
        return
    database = Path(str(store.url.database))
    files = [database, *database.parent.glob(f"{database.name}-*")]
    assert not any(b"cust-00001-z" in file.read_bytes() for file in files)


def test_a_reader_in_a_transaction_keeps_the_write_ahead_log_and_that_is_reported(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.dialect.name == "postgresql":
        pytest.skip("PostgreSQL has no such log file")
    monkeypatch.setattr("serving.store.erasure.CHECKPOINT_SECONDS", 0.3)
    sa.event.listen(store, "checkout", lambda connection, *_: connection.execute("PRAGMA busy_timeout = 100"))
    publish(store, scores(date(2025, 3, 1), "a", "b"), 90)
    with store.connect() as reader:
        reader.exec_driver_sql("begin")
        reader.execute(sa.select(RUNS)).all()
        delete_from_runs(store, ["a"])
        assert not discard_deleted_rows(store, ["a"])
    assert discard_deleted_rows(store, None)


def test_a_unit_is_unknown_without_its_table_or_its_customer(store: sa.Engine) -> None:
    run = publish(store, scores(date(2025, 3, 1), "a"), 90, units=unit_rows("a", "b"))
    for run_id, customer in ((run.run_id, "nobody"), (run.run_id + 1, "a")):
        assert unit_list_rows(store, run_id, customer, ["list"], "key") == []
