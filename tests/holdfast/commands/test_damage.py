"""Damaged files, full and read-only disks: one sentence each, what can be repaired is, and what was published stays."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from expectations.history.loads import read_check_history
from expectations.history.overrides import read_overrides
from expectations.history.reference import read_references
from expectations.history.repair import repair_history
from holdfast.failures import describe_failure
from serving.store.engine import open_store
from serving.store.runs import find_current_run
from settings.load import load_settings

Holdfast = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).resolve().parents[3]


def modes(folder: Path) -> dict[str, int]:
    """Return the permissions of everything below a folder."""
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o777 for path in folder.rglob("*") if not path.is_symlink()}


@pytest.mark.parametrize(
    ("name", "lost"),
    [("loads.jsonl", "1 of "), ("overrides.jsonl", "1 of 1 records are lost"), ("reference.json", "freezes its")],
)
def test_cut_records_of_checks_are_repaired_and_reported_once(workshop: Path, holdfast: Holdfast, name: str, lost: str) -> None:
    checks = workshop.parent / "workspace" / "checks"
    path = checks / name
    content = path.read_bytes() if path.exists() else b'{"at": "2026"}\n'
    path.write_bytes(content[: len(content) - 5])
    code, _, messages = holdfast("list", "--config", workshop)
    assert code == 0
    assert f"{name} was damaged" in messages.replace("\n", "")
    assert lost in messages.replace("\n", " ")
    assert (checks / f"{name}.damaged").read_bytes() == content[: len(content) - 5]
    assert "damaged" not in holdfast("list", "--config", workshop)[2]


@pytest.mark.parametrize("content", [b"", b"\x00\xff not json", b"[1, 2]\n", b'{"table": 1', b'{"rows": 3}\n'])
def test_records_that_cannot_be_read_at_all_are_none_and_repaired(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "checks").mkdir()
    for name in ("loads.jsonl", "overrides.jsonl", "reference.json"):
        (tmp_path / "checks" / name).write_bytes(content)
    assert (read_check_history(tmp_path), read_overrides(tmp_path), read_references(tmp_path)) == ([], [], {})
    repair_history(tmp_path)
    assert (read_check_history(tmp_path), read_overrides(tmp_path), read_references(tmp_path)) == ([], [], {})
    assert repair_history(tmp_path) == []


def test_the_workspace_is_for_its_owner_only(workshop: Path) -> None:
    workspace = workshop.parent / "workspace"
    workspace.chmod(0o755)
    before = set(modes(workspace))
    command = [sys.executable, "-m", "holdfast", "score", "--config", str(workshop)]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True, umask=0o022)
    assert workspace.stat().st_mode & 0o777 == 0o700
    new = {name: mode for name, mode in modes(workspace).items() if name not in before}
    assert not {name: oct(mode) for name, mode in new.items() if mode & 0o077}
    assert modes(workspace)["tables/transactions.parquet"] == 0o600


def test_with_group_access_the_group_may_read(workshop: Path) -> None:
    workspace = workshop.parent / "workspace"
    command = [sys.executable, "-m", "holdfast", "list", "--config", str(workshop)]
    environment = os.environ | {"HOLDFAST__WORKSPACE__GROUP_ACCESS": "true"}
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True, umask=0o022, env=environment)
    assert workspace.stat().st_mode & 0o777 == 0o750
    assert modes(workspace)["lists/at_risk-2025-W07.csv"] == 0o640


@pytest.mark.parametrize(("number", "found"), [(errno.ENOSPC, "The disk is full"), (errno.EROFS, "The disk is read-only")])
def test_a_disk_that_takes_no_more_is_one_sentence_and_the_published_run_stays(
    workshop: Path, holdfast: Holdfast, monkeypatch: pytest.MonkeyPatch, number: int, found: str
) -> None:
    store = open_store(load_settings(workshop, {}).store_url)
    before = find_current_run(store)

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number), "tables/transactions.parquet")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        code, _, message = holdfast("score", "--config", workshop)
    text = message.replace("\n", " ")
    assert (code, text.startswith(f"{found}: tables/transactions.parquet cannot be written. Nothing was published:")) == (2, True)
    assert "the service goes on with them" in text
    assert find_current_run(store) == before
    store.dispose()
    assert holdfast("score", "--config", workshop)[0] == 0


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (pl.exceptions.ComputeError("cannot write: No space left on device (os error 28)"), "The disk is full. Nothing"),
        (sa.exc.OperationalError("insert", {}, Exception("database or disk is full")), "The disk is full: the database cannot"),
        (sa.exc.OperationalError("insert", {}, Exception("attempt to write a readonly database")), "The disk is read-only"),
        (sa.exc.OperationalError("select", {}, Exception("no such table: x")), "The database cannot be used: no such table: x."),
        (PermissionError(errno.EACCES, "Permission denied", "a.csv"), "a.csv cannot be used: Permission denied."),
        (pl.exceptions.ComputeError("failed: Input/output error (os error 5)"), "A file cannot be used: failed"),
    ],
)
def test_failures_of_files_disks_and_databases_are_described(error: Exception, found: str) -> None:
    assert str(describe_failure(error)).startswith(found)
    wrapped = ValueError("wrapped")
    wrapped.__cause__ = error
    described = describe_failure(wrapped)
    assert described is None or described.startswith(found)


def test_a_defect_is_not_described() -> None:
    assert describe_failure(KeyError("a")) is None
    assert describe_failure(pl.exceptions.ColumnNotFoundError("a")) is None
