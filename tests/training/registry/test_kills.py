# ruff: noqa: ANN401  # the shop of these tests is a class of conftest.py
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from models.errors import NoChampionError

IsKilled = Callable[[int, Callable[[], object]], bool]


def champion_or_none(shop: Any) -> tuple[str, float] | None:
    try:
        return shop.current  # type: ignore[no-any-return]
    except NoChampionError:
        return None


@pytest.fixture
def two_versions(make_shop: Callable[[str], Any]) -> Any:
    """Version 1 is champion, version 2 is challenger."""
    shop = make_shop("two")
    assert shop.train(1.0) == ("1", True, [])
    assert shop.train(2.0) == ("2", False, [])
    return shop


@pytest.fixture
def three_champions(two_versions: Any) -> Any:
    """Version 3 is champion, versions 2 and 1 were."""
    two_versions.promote()
    two_versions.train(3.0)
    two_versions.promote()
    return two_versions


@pytest.mark.slow
def test_a_first_training_killed_anywhere_leaves_no_champion_or_this_one_and_the_next_completes(
    make_shop: Callable[[str], Any], is_killed: IsKilled
) -> None:
    for number in count():
        shop = make_shop(f"first{number}")
        if not is_killed(number, lambda: shop.train(1.0)):  # noqa: B023  # called in this round
            break
        before = champion_or_none(shop)
        assert before in {None, ("1", 1.0)}
        version, is_champion, _ = shop.train(2.0)
        assert is_champion == (before is None)
        assert shop.current == ((version, 2.0) if is_champion else before)
        assert shop.alias() == shop.current[0]
        assert shop.alias("challenger") == (None if is_champion else version)
        assert shop.runs("RUNNING") == []
        assert shop.versions() == sorted({shop.current[0], version})
        assert not (shop.champions / "CHANGE").exists()
    assert number > 9


@pytest.mark.slow
def test_a_later_training_killed_anywhere_leaves_the_champion_and_the_next_completes(
    two_versions: Any, is_killed: IsKilled
) -> None:
    for number in count():
        shop = two_versions.copy(f"later{number}")
        if not is_killed(number, lambda: shop.train(3.0)):  # noqa: B023  # called in this round
            break
        assert shop.current == ("1", 1.0)
        version, is_champion, _ = shop.train(4.0)
        assert not is_champion
        assert (shop.current, shop.alias(), shop.alias("challenger"), shop.runs("RUNNING")) == (("1", 1.0), "1", version, [])
    assert number > 4


@pytest.mark.slow
def test_a_promotion_killed_anywhere_is_completed_by_the_same_command(two_versions: Any, is_killed: IsKilled) -> None:
    for number in count():
        shop = two_versions.copy(f"promotion{number}")
        if not is_killed(number, shop.promote):
            break
        assert shop.current in {("1", 1.0), ("2", 2.0)}
        if (shop.champions / "CHANGE").exists() or shop.current[0] == "1":  # else the user has been informed
            assert shop.promote()[:2] == ("2", "2")
        assert (shop.current, shop.alias(), shop.alias("challenger")) == (("2", 2.0), "2", None)
        assert (shop.champions / "FORMER").read_text(encoding="utf-8") == "1\n"
        assert shop.rollback()[:2] == ("2", "1")
        assert (shop.current, shop.alias()) == (("1", 1.0), "1")
    assert number > 5


@pytest.mark.slow
def test_a_rollback_killed_anywhere_is_completed_and_not_repeated_by_the_same_command(
    three_champions: Any,
    is_killed: IsKilled,
) -> None:
    for number in count():
        shop = three_champions.copy(f"rollback{number}")
        if not is_killed(number, shop.rollback):
            break
        assert shop.current in {("3", 3.0), ("2", 2.0)}
        if (shop.champions / "CHANGE").exists() or shop.current[0] == "3":  # else the user has been informed
            assert shop.rollback()[:2] == ("3", "2")
        assert (shop.current, shop.alias()) == (("2", 2.0), "2")
        assert (shop.champions / "FORMER").read_text(encoding="utf-8") == "1\n"
        assert shop.rollback()[:2] == ("2", "1")
    assert number > 4


@pytest.mark.slow
def test_after_a_killed_rollback_every_other_command_completes_it_or_starts_from_what_was(
    three_champions: Any,
    is_killed: IsKilled,
) -> None:
    for number in (1, 2, 3):
        shop = three_champions.copy(f"other{number}")
        assert is_killed(number, shop.rollback)
        current = shop.current
        _, is_champion, notes = shop.train(4.0)
        assert not is_champion
        completed = ["The `rollback` that was interrupted is completed: version 2 is champion."] if current == ("2", 2.0) else []
        assert notes[:1] == completed
        assert (shop.current, shop.alias()) == (current, current[0])
        assert shop.rollback()[1] == ("1" if completed else "2")


def test_a_rollback_whose_answer_was_lost_is_not_repeated(three_champions: Any) -> None:
    from training.registry.promotion import rollback

    assert (rollback(three_champions.settings).restored, rollback(three_champions.settings).restored) == ("2", "2")
    assert three_champions.rollback()[1] == "2"
    assert three_champions.rollback()[1] == "1"


def test_a_rollback_needs_no_registry(three_champions: Any) -> None:
    (three_champions.folder / "mlflow.db").write_bytes(b"not a database" * 100)
    replaced, restored, notes = three_champions.rollback()
    assert (replaced, restored, three_champions.current) == ("3", "2", ("2", 2.0))
    assert notes[0].startswith("The MLflow store of [tracking] cannot be used: file is not a database.")
