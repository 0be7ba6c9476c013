"""A backup brings back a lost workspace, and objections that came after it stay in force."""

import io
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from serving.store.engine import open_store
from serving.store.lists.issued import issued_lists
from serving.store.lists.rows import list_rows
from serving.store.read import find_scores, read_scores_by_action
from serving.store.withheld import Withheld, withheld_hashes
from settings.load import load_settings

Holdfast = Callable[..., tuple[int, str, str]]


def store_content(config: Path) -> list[object]:
    settings = load_settings(config)
    store = open_store(settings.store_url)
    lists = issued_lists(store)
    run, scores = read_scores_by_action(store, ["none", "retention", "win_back", "recovery"])
    rows = [list_rows(store, issued.list_id, {}).rows() for issued in lists]
    withheld = sorted(withheld_hashes(store, *Withheld))
    store.dispose()
    return [run, scores.sort("customer_id").rows(), lists, rows, withheld]


def use_postgres(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configure an empty PostgreSQL database as the store."""
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("drop schema public cascade"))
        connection.execute(sa.text("create schema public"))
    engine.dispose()
    monkeypatch.setenv("HOLDFAST__SERVING__STORE", url)


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"])
@pytest.mark.slow
def test_a_lost_workspace_is_restored_with_the_objections_that_came_after_the_backup(
    workshop: Path,
    holdfast: Holdfast,
    tmp_path: Path,
    store_url: str,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace, archive = workshop.parent / "workspace", tmp_path / "backup.tar"
    before = store_content(workshop)
    assert holdfast("backup", archive, "--config", workshop)[0] == 0
    assert archive.stat().st_mode & 0o777 == 0o600
    assert holdfast("suppress", "000003", "--config", workshop)[0] == 0
    assert holdfast("forget", "000004", "--config", workshop)[0] == 0
    for path in [*workspace.glob("scores.db*"), workspace / "champion", workspace / "mlflow.db"]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    for command in (["score"], ["list"], ["keys", "list"], ["suppress", "000009"]):
        code, _, message = holdfast(*command, "--config", workshop)
        assert (code, "its store is empty. Restore it with `restore FILE`" in message.replace("\n", " ")) == (2, True)
    if store_url == "postgresql":
        use_postgres(request.getfixturevalue("postgres_url"), monkeypatch)
    code, output, _ = holdfast("restore", archive, "--config", workshop)
    assert (code, "Restored the backup of" in output) == (0, True)
    after = store_content(workshop)
    assert after[0] == before[0]
    assert [row for row in before[1] if row[0] != "000004"] == after[1]  # type: ignore[attr-defined]
    assert after[2] == before[2]
    assert len(after[4]) == 2  # type: ignore[arg-type]
    assert holdfast("score", "--config", workshop, "--out", tmp_path / "scores.parquet")[0] == 0
    scores = pl.read_parquet(tmp_path / "scores.parquet")
    assert scores.filter(customer_id="000003")["no_score_reason"].to_list() == ["suppressed"]
    assert "000004" not in scores["customer_id"]
    store = open_store(load_settings(workshop).store_url)
    assert find_scores(store, ["000004"])[1] == {}
    store.dispose()


def test_a_damaged_backup_or_one_of_another_workspace_changes_nothing(workshop: Path, holdfast: Holdfast, tmp_path: Path) -> None:
    workspace, archive = workshop.parent / "workspace", tmp_path / "backup.tar"
    holdfast("backup", archive, "--config", workshop)
    before = store_content(workshop)
    content = archive.read_bytes()
    position = content.index(b"SQLite format 3") + 5_000
    (tmp_path / "flipped.tar").write_bytes(content[:position] + b"X" + content[position + 1 :])
    (tmp_path / "cut.tar").write_bytes(content[: len(content) // 2])
    (tmp_path / "none.tar").write_text("no archive")
    for name, found in (("flipped", "is not as it was written. Nothing was changed"), ("cut", "intact"), ("none", "intact")):
        code, _, message = holdfast("restore", tmp_path / f"{name}.tar", "--replace", "--config", workshop)
        assert (code, found in message.replace("\n", " ")) == (2, True)
    assert "Add --replace to replace it" in holdfast("restore", archive, "--config", workshop)[2].replace("\n", " ")
    (workspace / "control.key").write_bytes(b"x" * 32)
    code, _, message = holdfast("restore", archive, "--replace", "--config", workshop)
    assert (code, "is not that of the backup" in message.replace("\n", " ")) == (2, True)
    assert store_content(workshop) == before


@pytest.mark.parametrize("kind", ["outside", "link", "absolute"])
def test_an_archive_with_anything_else_is_refused_and_writes_nothing(
    workshop: Path, holdfast: Holdfast, tmp_path: Path, kind: str
) -> None:
    target = tmp_path / "planted"
    member = tarfile.TarInfo({"outside": "../../../../planted", "link": "scores.db", "absolute": str(target)}[kind])
    member.type, member.linkname = (tarfile.SYMTYPE, str(target)) if kind == "link" else (tarfile.REGTYPE, "")
    with tarfile.open(tmp_path / "other.tar", "w") as archive:
        archive.addfile(member, io.BytesIO())
    code, _, message = holdfast("restore", tmp_path / "other.tar", "--replace", "--config", workshop)
    assert (code, "something other than files of a backup" in message, target.exists()) == (2, True, False)


def test_without_a_backup_an_empty_store_is_accepted_and_objections_stay(workshop: Path, holdfast: Holdfast) -> None:
    holdfast("suppress", "000003", "--config", workshop)
    for path in (workshop.parent / "workspace").glob("scores.db*"):
        path.unlink()
    assert holdfast("runs", "--config", workshop)[0] == 2
    assert holdfast("restore", "--empty", "--config", workshop)[0] == 0
    code, output, _ = holdfast("runs", "--config", workshop)
    assert (code, output) == (0, "No scores have been published yet; run `score`.\n")
    store = open_store(load_settings(workshop).store_url)
    assert len(withheld_hashes(store, Withheld.SUPPRESSED)) == 1
    store.dispose()


def test_a_backup_without_the_secret_needs_it_to_be_restored(workshop: Path, holdfast: Holdfast, tmp_path: Path) -> None:
    workspace, archive = workshop.parent / "workspace", tmp_path / "backup.tar"
    assert "The secret is not in it" in holdfast("backup", archive, "--without-secret", "--config", workshop)[1]
    secret = (workspace / "control.key").read_bytes()
    assert secret not in archive.read_bytes()
    for path in [*workspace.glob("scores.db*"), workspace / "control.key"]:
        path.unlink()
    assert "The backup has no secret" in holdfast("restore", archive, "--config", workshop)[2]
    (workspace / "control.key").write_bytes(secret)
    assert holdfast("restore", archive, "--config", workshop)[0] == 0
