# ruff: noqa: ANN401  # the shop of these tests is a class of conftest.py
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest

from settings.errors import UserError
from training.registry import mlflow_client as tracking
from training.registry.champion_alias import open_registry
from training.registry.promotion import PromotionRefusedError
from training.registry.workspace_tags import FILES_TAG, FOLDER_TAG, WORKSPACE_TAG


@pytest.fixture
def second(shop: Any) -> Any:
    """Version 2 is champion, version 1 was."""
    shop.train(1.0)
    shop.train(2.0)
    shop.promote()
    return shop


def lose(shop: Any, kind: str, empty_registry: Path) -> None:
    """Take the registry away: gone, an empty file, or one without a run."""
    registry = shop.folder / "mlflow.db"
    registry.unlink()
    if kind == "emptied":
        registry.touch()
    if kind == "new":
        shutil.copy(empty_registry, registry)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["gone", "emptied", "new"])
def test_with_the_registry_lost_a_training_does_not_replace_the_champion(second: Any, kind: str, empty_registry: Path) -> None:
    lost = second.copy("lost")  # MLflow keeps connections to the file that it has opened
    lose(lost, kind, empty_registry)
    assert lost.train(3.0) == ("1", False, [])
    assert (lost.current, lost.alias(), lost.alias("challenger")) == (("2", 2.0), None, "1")
    assert lost.promote()[:2] == ("1", "1-2")
    assert (lost.current, lost.alias()) == (("1-2", 3.0), "1")
    assert lost.rollback()[:2] == ("1-2", "2")
    assert (lost.current, lost.alias()) == (("2", 2.0), None)
    assert lost.rollback()[:2] == ("2", "1")
    assert (lost.current, lost.alias()) == (("1", 1.0), None)


@pytest.mark.slow
def test_with_the_registry_lost_the_gates_decide_on_what_replaces_the_champion(second: Any, empty_registry: Path) -> None:
    lost = second.copy("lost")
    lose(lost, "new", empty_registry)
    lost.train(3.0, backtest_metrics={})
    with pytest.raises(PromotionRefusedError, match="Version 1 has no backtest"):
        lost.promote()
    assert lost.current == ("2", 2.0)


@pytest.mark.slow
def test_a_registry_restored_from_an_older_copy_does_not_bring_back_its_champion(shop: Any) -> None:
    shop.train(1.0)
    older, newer = shop.copy("older"), shop.copy("newer")
    newer.train(2.0)
    newer.promote()
    assert newer.alias() == "2"
    restored = older.copy("restored")  # the registry of then, the champions of now
    shutil.rmtree(restored.champions)
    shutil.copytree(newer.champions, restored.champions)
    assert restored.alias() == "1"
    _, is_champion, notes = restored.train(3.0)
    reason = "the registry has no version with the files of champion 2"
    assert notes == [f"The alias champion of the MLflow registry was removed from version 1: {reason}."]
    assert (is_champion, restored.current, restored.alias()) == (False, ("2", 2.0), None)
    assert restored.promote()[:2] == ("2", "2-2")
    assert (restored.current, restored.alias()) == (("2-2", 3.0), "2")


@pytest.mark.slow
def test_the_alias_follows_the_files_and_not_the_number(second: Any, empty_registry: Path) -> None:
    lost = second.copy("lost")
    lose(lost, "new", empty_registry)
    lost.train(5.0)
    lost.train(2.0)  # version 2 of the new registry is the champion to the last byte
    assert open_registry(lost.settings) == [
        "The alias champion of the MLflow registry now points to version 2, the champion of the workspace."
    ]
    assert (lost.current, lost.alias()) == (("2", 2.0), "2")


def test_an_alias_that_was_moved_or_deleted_in_mlflow_is_corrected(second: Any) -> None:
    tracking.set_alias("champion", "1")
    assert len(open_registry(second.settings)) == 1
    assert second.alias() == "2"
    tracking.drop_alias("champion")
    open_registry(second.settings)
    assert (second.alias(), open_registry(second.settings)) == ("2", [])


def test_versions_of_an_earlier_holdfast_are_recognised_by_their_files(second: Any) -> None:
    client = mlflow.MlflowClient()
    for version in second.versions():
        for tag in (FILES_TAG, WORKSPACE_TAG, FOLDER_TAG):
            client.delete_model_version_tag("holdfast-churn", version, tag)
    tracking.set_alias("champion", "1")
    open_registry(second.settings)
    assert second.alias() == "2"


def test_a_damaged_pointer_leaves_the_alias(second: Any) -> None:
    (second.champions / "CURRENT").write_bytes(b"")
    assert open_registry(second.settings) == []
    assert second.alias() == "2"
    assert second.train(3.0)[:2] == ("3", False)  # a damaged champion is one: no other replaces it without gates


@pytest.mark.slow
def test_a_lost_pointer_or_a_cut_one_is_written_again_by_promote(second: Any) -> None:
    for damage in (b"", b"1", b"\0\0", b"../2\n", None):
        pointer = second.champions / "CURRENT"
        pointer.unlink() if damage is None else pointer.write_bytes(damage)
        with pytest.raises(
            UserError, match=r"champion/CURRENT in the workspace is (cut|empty|missing), but the champions there are 1, 2"
        ):
            second.current  # noqa: B018  # the property reads
        assert second.promote("2")[:2] == ("2", "2")
        assert (second.current, second.alias()) == (("2", 2.0), "2")


@pytest.mark.slow
def test_the_same_version_promoted_again_repairs_its_folder_without_gates(second: Any) -> None:
    second.train(4.0, backtest_metrics={})
    second.promote("3", force=True)
    folder = second.champions / "3"
    for damage in (
        lambda: (folder / "champion.json").write_bytes((folder / "champion.json").read_bytes()[:100]),
        (folder / "churn.json").unlink,
        lambda: (folder / "churn.json").write_text('{"name": "bgnbd", "average": 9.0}', encoding="utf-8"),
        lambda: (folder / "checksums.json").write_bytes(b"{"),
    ):
        damage()
        with pytest.raises(UserError, match="champion/"):
            second.current  # noqa: B018  # the property reads
        version, name, notes = second.promote("3")
        assert (version, name, second.current) == ("3", "3", ("3", 4.0))
        assert notes[0].endswith(" Version 3 was written again.")
    assert sorted(path.name for path in second.champions.iterdir()) == ["1", "2", "3", "CURRENT", "FORMER"]


def test_a_champion_whose_folder_is_gone_is_written_again_once_the_gates_hold(second: Any) -> None:
    shutil.rmtree(second.champions / "2")
    with pytest.raises(UserError, match="CURRENT in the workspace names version 2, but the champions there are 1; `promote"):
        second.current  # noqa: B018  # the property reads
    _, _, notes = second.promote("2")
    assert (second.current, notes[0].endswith("Version 2 was not compared with it.")) == (("2", 2.0), True)


def test_rollback_to_a_damaged_champion_is_refused_and_changes_nothing(second: Any) -> None:
    (second.champions / "1" / "churn.json").write_bytes(b"")
    with pytest.raises(UserError, match=r"champion/1/churn.json in the workspace is cut: 0 of \d+ bytes are left; `promote 1`"):
        second.rollback()
    assert (second.current, second.alias()) == (("2", 2.0), "2")


def test_rollback_from_a_damaged_champion_works(second: Any) -> None:
    (second.champions / "2" / "churn.json").write_bytes(b"")
    assert second.rollback()[:2] == ("2", "1")
    (second.champions / "FORMER").write_bytes(b"1")
    with pytest.raises(UserError, match="champion/FORMER is cut, so the previous champion is unknown; champion/ holds 1, 2"):
        second.rollback()


@pytest.mark.slow
def test_workspaces_that_share_a_registry_leave_each_other_alone(make_shop: Callable[[str], Any], is_killed: Any) -> None:
    first, other = make_shop("first"), make_shop("other")
    other.uri = first.settings.mlflow_uri
    assert first.train(1.0)[:2] == ("1", True)
    assert is_killed(1, lambda: first.train(9.0))  # killed as soon as its version is registered
    assert other.train(2.0)[:2] == ("3", True)  # it has no champion yet, whatever the alias says
    assert (other.current, first.current) == (("3", 2.0), ("1", 1.0))
    assert first.runs("RUNNING") == ["train 2025-03-01"]
    assert first.versions() == ["1", "2", "3"]
    other.train(5.0)
    with pytest.raises(PromotionRefusedError, match="version 4, is that of another workspace; name a version"):
        first.promote()
    open_registry(first.settings)
    assert first.alias() == "3"
    _, _, notes = first.train(6.0)
    assert notes == ["Removed from MLflow what a training that was killed had left: 1 unfinished run and version 2."]
    tags = {key: value for version in first.versions() for key, value in tracking.find_version(version).tags.items()}  # type: ignore[union-attr]
    assert not any("first" in value or "/" in value for value in tags.values())
