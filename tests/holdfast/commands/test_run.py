import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from filelock import FileLock

from serving.store.engine import open_store
from serving.store.lists.issued import issued_lists
from serving.store.lists.precedence import effective_list
from serving.store.lists.rows import list_rows
from serving.store.read import read_scores_by_action
from settings.load import load_settings

ROOT = Path(__file__).resolve().parents[3]
Holdfast = Callable[..., tuple[int, str, str]]


def weekly_results(config: Path) -> dict[str, pl.DataFrame]:
    """Return the scores and lists of the weekly job, without the ids and times that differ between runs."""
    settings = load_settings(config, {})
    store = open_store(settings.store_url)
    _, scores = read_scores_by_action(store, ["none", "retention", "win_back", "recovery"])
    lists = {issued.kind: list_rows(store, issued.list_id, {}).drop("list_id") for issued in issued_lists(store)}
    store.dispose()
    return lists | {"scores": scores.drop("scored_at").sort("customer_id")}


@pytest.mark.slow
def test_the_weekly_job_publishes_issues_and_writes_and_a_second_run_changes_nothing(workshop: Path, holdfast: Holdfast) -> None:
    code, output, _ = holdfast("run", "--config", workshop)
    assert code == 0
    lists = workshop.parent / "workspace" / "lists"
    names = {f"{kind}-2025-W07.{ending}" for kind in ("at_risk", "win_back", "recovery") for ending in ("csv", "xlsx", "parquet")}
    assert {path.name for path in lists.iterdir()} == names
    assert "customers to act on for" in output
    assert "Excluded:" in output
    before = weekly_results(workshop)
    code, second_output, messages = holdfast("run", "--config", workshop)
    assert code == 0
    assert "identical to run 1" in second_output
    assert "No earlier list has outcomes yet." in messages
    after = weekly_results(workshop)
    assert all(after[name].equals(before[name]) for name in before)
    store = open_store(load_settings(workshop, {}).store_url)
    assert len(issued_lists(store)) == 3
    store.dispose()


def hold_lock(workspace: Path, held: threading.Event, release: threading.Event) -> None:
    """Hold the workspace lock until released."""
    with FileLock(workspace / ".lock"):
        held.set()
        release.wait(60)


def test_a_second_run_is_refused_and_another_command_waits(workshop: Path, holdfast: Holdfast) -> None:
    workspace = workshop.parent / "workspace"
    held, release = threading.Event(), threading.Event()
    holder = threading.Thread(target=hold_lock, args=(workspace, held, release))
    holder.start()
    assert held.wait(5)
    (workspace / ".at_work").write_text("`run` (process 7, since 2026-11-23 06:00 UTC)")
    code, _, error = holdfast("run", "--config", workshop)
    assert code == 2
    expected = (
        f"`run` (process 7, since 2026-11-23 06:00 UTC) is running in {workspace}, and `run` must run alone; "
        "try again when it has finished.\n"
    )
    assert error == expected
    threading.Timer(1.0, release.set).start()
    started = time.monotonic()
    code, _, error = holdfast("list", "--config", workshop)
    assert code == 0
    assert error.startswith("Waiting for `run` (process 7")
    assert time.monotonic() - started >= 1
    holder.join()


def test_an_invalid_week_is_refused_before_any_work(workshop: Path, holdfast: Holdfast) -> None:
    code, _, error = holdfast("run", "--week", "next", "--config", workshop)
    assert (code, error) == (2, "A week is written as 2026-W47, found 'next'.\n")


def test_a_list_that_cannot_be_written_is_not_issued(workshop: Path, holdfast: Holdfast, tmp_path: Path) -> None:
    engine = open_store(load_settings(workshop, {}).store_url)
    before = issued_lists(engine)
    code, _, error = holdfast("list", "--budget", "7", "--out", tmp_path / "list.txt", "--config", workshop)
    assert code == 2
    assert error.startswith("A list is written as .csv, .xlsx or .parquet, not as list.txt.")
    assert issued_lists(engine) == before
    holdfast("list", "--config", workshop)
    code, output, _ = holdfast("list", "--budget", "7", "--config", workshop)
    assert code == 0
    assert "It replaces at_risk-" in output
    engine.dispose()


@pytest.mark.slow
def test_the_next_run_completes_a_killed_job(workshop: Path, holdfast: Holdfast, tmp_path: Path) -> None:
    interrupted = shutil.copytree(workshop.parent, tmp_path / "interrupted") / "holdfast.toml"
    for config in (workshop, interrupted):  # one more week of data: new scores, new lists
        orders = pl.read_parquet(config.parent / "data" / "transactions.parquet")
        newest = orders.sort("ordered_at").tail(20).with_columns(pl.col("ordered_at") + pl.duration(days=7))
        pl.concat([orders, newest]).write_parquet(config.parent / "data" / "transactions.parquet")
    command = [sys.executable, "-m", "holdfast", "run", "--config", str(interrupted)]
    for seconds in (4.0, 5.5):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as job:
            time.sleep(seconds)
            os.kill(job.pid, signal.SIGKILL)
    for config in (workshop, interrupted):
        assert holdfast("run", "--config", config)[0] == 0
    expected, actual = weekly_results(workshop), weekly_results(interrupted)
    assert set(actual) == set(expected)
    assert actual["scores"].equals(expected["scores"])
    columns = ["customer_id", "arm", "action", "p_churn", "expected_gain", "reason_1"]
    for kind in ("at_risk", "win_back", "recovery"):
        assert actual[kind].select(columns).equals(expected[kind].select(columns)), kind


def add_days(config: Path, days: int) -> None:
    """Add the orders of the last days again, as new orders of the days that follow."""
    path = Path(str(load_settings(config, {}).tables.transactions))
    orders = pl.read_parquet(path)
    newest = orders["ordered_at"].dt.date().max()
    recent = orders.filter(pl.col("ordered_at").dt.date() > pl.lit(newest) - pl.duration(days=days))
    added = recent.with_columns(
        (pl.col("ordered_at") + pl.duration(days=days)).cast(orders.schema["ordered_at"]),
        pl.format("{}-{}", "order_id", pl.lit(days)),
    )
    pl.concat([orders, added]).write_parquet(path)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_job_that_was_skipped_for_three_weeks_and_a_second_one_in_the_same_week_with_newer_data(
    workshop: Path, holdfast: Holdfast
) -> None:
    holdfast("run", "--config", workshop)
    add_days(workshop, 21)
    code, output, messages = holdfast("run", "--config", workshop)
    assert (code, "scored as of 2025-03-03, published as run 2." in output) == (0, True)
    assert "Compared with 2025-W07:" in output
    assert "No earlier list has outcomes yet." not in messages
    add_days(workshop, 2)
    code, output, _ = holdfast("run", "--config", workshop)
    assert (code, "scored as of 2025-03-05, published as run 3." in output) == (0, True)
    assert "warnings as in the load before (duplicates); `validate` shows them." in output
    store = open_store(load_settings(workshop, {}).store_url)
    lists = {issued.list_id: issued for issued in issued_lists(store)}
    first, second = "at_risk-2025-W10-run2", "at_risk-2025-W10-run3"
    assert effective_list(store, "at_risk", "2025-W10") == lists[second]
    rows = {list_id: list_rows(store, list_id, {}).select("customer_id", "arm") for list_id in (first, second)}
    held_out, treated = (
        set(rows[first].filter(arm="control")["customer_id"]),
        set(rows[second].filter(arm="treated")["customer_id"]),
    )
    assert held_out
    assert not held_out & treated
    store.dispose()
