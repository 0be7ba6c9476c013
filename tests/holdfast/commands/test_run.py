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
from filelock import FileLock

from serving.store.engine import open_store
from serving.store.issued import issued_lists, list_rows
from serving.store.read import read_actions
from settings.load import load_settings

ROOT = Path(__file__).resolve().parents[3]
Holdfast = Callable[..., tuple[int, str, str]]


def what_is_there(config: Path) -> dict[str, pl.DataFrame]:
    """What the weekly job left: scores and lists, without the numbers and times that differ from run to run."""
    settings = load_settings(config, {})
    store = open_store(settings.store_url)
    _, scores = read_actions(store, ["none", "retention", "win_back", "recovery"])
    lists = {each.kind: list_rows(store, each.list_id, {}).drop("list_id") for each in issued_lists(store)}
    store.dispose()
    return lists | {"scores": scores.drop("scored_at").sort("customer_id")}


def test_the_weekly_job_publishes_issues_and_writes_and_again_changes_nothing(workshop: Path, holdfast: Holdfast) -> None:
    code, said, _ = holdfast("run", "--config", workshop)
    assert code == 0
    lists = workshop.parent / "workspace" / "lists"
    names = {f"{kind}-2025-W07.{ending}" for kind in ("at_risk", "win_back", "recovery") for ending in ("csv", "xlsx", "parquet")}
    assert {path.name for path in lists.iterdir()} == names
    assert "customers to act on for" in said
    assert "Left out:" in said
    before = what_is_there(workshop)
    code, again, noted = holdfast("run", "--config", workshop)
    assert code == 0
    assert "the very same as run 1" in again
    assert "No earlier list has outcomes yet." in noted
    after = what_is_there(workshop)
    assert all(after[name].equals(before[name]) for name in before)
    store = open_store(load_settings(workshop, {}).store_url)
    assert len(issued_lists(store)) == 3
    store.dispose()


def hold(workspace: Path, held: threading.Event, done: threading.Event) -> None:
    """Be at work in a workspace until told to stop."""
    with FileLock(workspace / ".lock"):
        held.set()
        done.wait(60)


def test_a_second_run_is_refused_and_another_command_waits(workshop: Path, holdfast: Holdfast) -> None:
    workspace = workshop.parent / "workspace"
    held, done = threading.Event(), threading.Event()
    other = threading.Thread(target=hold, args=(workspace, held, done))
    other.start()
    assert held.wait(5)
    (workspace / ".at_work").write_text("`run` (process 7, since 2026-11-23 06:00 UTC)")
    code, _, said = holdfast("run", "--config", workshop)
    assert code == 2
    expected = (
        f"`run` (process 7, since 2026-11-23 06:00 UTC) is at work in {workspace}; `run` runs alone: try again when it is done.\n"
    )
    assert said == expected
    threading.Timer(1.0, done.set).start()
    began = time.monotonic()
    code, _, said = holdfast("list", "--config", workshop)
    assert code == 0
    assert said.startswith("Waiting for `run` (process 7")
    assert time.monotonic() - began >= 1
    other.join()


def test_a_week_that_is_none_is_refused_before_any_work(workshop: Path, holdfast: Holdfast) -> None:
    code, _, said = holdfast("run", "--week", "next", "--config", workshop)
    assert (code, said) == (2, "A week is written as 2026-W47, found 'next'.\n")


def test_a_list_that_cannot_be_written_is_not_issued(workshop: Path, holdfast: Holdfast, tmp_path: Path) -> None:
    engine = open_store(load_settings(workshop, {}).store_url)
    before = issued_lists(engine)
    code, _, said = holdfast("list", "--budget", "7", "--out", tmp_path / "list.txt", "--config", workshop)
    assert code == 2
    assert said.startswith("A list is written as .csv, .xlsx or .parquet, not as list.txt.")
    assert issued_lists(engine) == before
    holdfast("list", "--config", workshop)
    code, told, _ = holdfast("list", "--budget", "7", "--config", workshop)
    assert code == 0
    assert "It takes the place of at_risk-" in told
    engine.dispose()


def test_a_job_that_was_killed_is_completed_by_the_next(workshop: Path, holdfast: Holdfast, tmp_path: Path) -> None:
    other = shutil.copytree(workshop.parent, tmp_path / "other") / "holdfast.toml"
    for config in (workshop, other):  # a week later by the data: new scores, new lists
        orders = pl.read_parquet(config.parent / "data" / "transactions.parquet")
        newest = orders.sort("ordered_at").tail(20).with_columns(pl.col("ordered_at") + pl.duration(days=7))
        pl.concat([orders, newest]).write_parquet(config.parent / "data" / "transactions.parquet")
    command = [sys.executable, "-m", "holdfast", "run", "--config", str(other)]
    for seconds in (2.0, 3.5, 4.5, 5.5):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as job:
            time.sleep(seconds)
            os.kill(job.pid, signal.SIGKILL)
    for config in (workshop, other):
        assert holdfast("run", "--config", config)[0] == 0
    expected, actual = what_is_there(workshop), what_is_there(other)
    assert set(actual) == set(expected)
    assert actual["scores"].equals(expected["scores"])
    columns = ["customer_id", "arm", "action", "p_churn", "expected_gain", "reason_1"]
    for kind in ("at_risk", "win_back", "recovery"):
        assert actual[kind].select(columns).equals(expected[kind].select(columns)), kind
