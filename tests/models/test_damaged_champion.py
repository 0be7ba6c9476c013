import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from itertools import product
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pytest

from features.norms import Norms
from models.btyd.bgnbd import BGNBD
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.pair import BuyTillYouDie
from models.champion import Champion, ChampionTerms, current_champion, load_champion, save_champion
from models.churn.hybrid import HybridChurn
from models.errors import DamagedChampionError, NoChampionError
from models.publication import previous_champion, publish_champion, recover_change, restore_champion
from models.value.lightgbm_value import LightGbmValue

FILES = ("champion.json", "checksums.json", "churn.json", "hybrid.lgb.txt", "value/total.lgb.txt", "value/value.json")


@pytest.fixture(scope="module")
def trees() -> lgb.Booster:
    rows = np.arange(400.0).reshape(-1, 2)
    parameters = {"objective": "regression", "verbose": -1, "min_data_in_leaf": 5}
    return lgb.train(parameters, lgb.Dataset(rows, label=np.sin(rows[:, 0])), num_boost_round=12)


@pytest.fixture
def champion(trees: lgb.Booster) -> Champion:
    return Champion(
        terms=ChampionTerms(
            trained_as_of=date(2025, 3, 1), horizon_days=90, active_days=365, loyalty_unit="brand", loyalty_min_purchases=4
        ),
        norms=Norms(date(2025, 3, 1)),
        churn=HybridChurn(booster=trees, mean_log_odds=0.1, intercept=0.2, inputs=("a", "b")),
        btyd=BuyTillYouDie(BGNBD(0.2, 4.0, 0.8, 2.4), GammaGamma(6.0, 3.7, 15.0)),
        gamma_shape=1.5,
        value_cuts=(1.0, 2.0, 3.0, 4.0),
        log_total_std=0.2,
        backtest_metrics={"log_loss": 0.4},
        value=LightGbmValue(name="lightgbm_tweedie", boosters={"total": trees}, variance=0.0),
    )


@pytest.fixture
def champions(champion: Champion, tmp_path: Path) -> Path:
    """Version 2 is champion, version 1 was."""
    for version in ("1", "2"):
        save_champion(replace(champion, gamma_shape=float(version)), tmp_path / version)
        publish_champion(tmp_path / version, version, tmp_path / "champion")
    return tmp_path / "champion"


def cut(share: float) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])


def blank(path: Path) -> None:
    """Leave a hole of zeros, as a power cut does."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))


LAST_BYTES = cut(0.999)
DAMAGES = (*(cut(share) for share in (0, 0.01, 0.3, 0.6, 0.9)), LAST_BYTES, blank, Path.unlink)
PAIRS = list(product(FILES, DAMAGES))
# Champions of earlier Holdfasts have no checksums, and JSON without its last line end is the same JSON.
CASES = [(file, damage) for file, damage in PAIRS if (file, damage) != ("checksums.json", Path.unlink)]
EARLIER_CASES = [
    (file, damage) for file, damage in PAIRS if file != "checksums.json" and not (file.endswith(".json") and damage is LAST_BYTES)
]


def test_the_files_of_a_champion_are_those_that_are_tested(champions: Path) -> None:
    folder = champions / "2"
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == sorted(FILES)


@pytest.mark.parametrize(("file", "damage"), CASES)
def test_a_damaged_file_is_named_and_promoting_the_version_again_repairs_it(
    champions: Path, file: str, damage: Callable[[Path], object]
) -> None:
    damage(champions / "2" / file)
    with pytest.raises(DamagedChampionError) as error:
        current_champion(champions)
    assert str(error.value).startswith(f"champion/2/{file} in the workspace ")
    assert str(error.value).endswith(
        "; `promote 2` writes version 2 again from the registry, `rollback` returns to the champion before it."
    )
    assert publish_champion(champions.parent / "2", "2", champions).name == "2"
    assert current_champion(champions).gamma_shape == 2.0
    assert [path.name for path in champions.iterdir() if path.is_dir() and path.name not in {"1", "2"}] == []


@pytest.mark.parametrize(("file", "damage"), EARLIER_CASES)
def test_a_damaged_file_of_an_earlier_holdfast_is_an_error_too_and_ends_no_process(
    champions: Path, file: str, damage: Callable[[Path], object]
) -> None:
    for folder in (champions / "2", champions.parent / "2"):
        (folder / "checksums.json").unlink()
    assert load_champion(champions / "2").gamma_shape == 2.0
    damage(champions / "2" / file)
    with pytest.raises(DamagedChampionError, match=f"champion/2/{file} in the workspace "):
        current_champion(champions)
    name = publish_champion(champions.parent / "2", "2", champions).name
    assert name == ("2-2" if damage is blank else "2")  # zeros are no cut: another champion may have had them
    assert current_champion(champions).gamma_shape == 2.0


def test_json_that_is_no_champion_is_a_sentence(champions: Path) -> None:
    for version in ("1", "2"):
        (champions / version / "checksums.json").unlink()
    for text in ("[]", "3", "{}", '{"terms": 3}', '{"terms": {"trained_as_of": "no day"}}'):
        (champions / "2" / "champion.json").write_text(text, encoding="utf-8")
        with pytest.raises(DamagedChampionError, match="champion/2"):
            current_champion(champions)
    (champions / "1" / "churn.json").write_text('{"name": "of the future"}', encoding="utf-8")
    with pytest.raises(DamagedChampionError, match="champion/1 in the workspace is damaged or of another version of Holdfast;"):
        load_champion(champions / "1")


@pytest.mark.parametrize(
    ("pointer", "sentence"),
    [
        (b"", "is empty, but the champions there are 1, 2"),
        (b"\n", "is empty, but"),
        (b"2", "is cut, but"),  # of 2-2, or of 21
        (b"\0\0", "is cut, but"),
        (b"\xff\n", "is cut, but"),
        (b"../1\n", "is cut, but"),
        (b"1\n2\n", "is cut, but"),
        (b"7\n", "names version 7, but the champions there are 1, 2"),
        (None, "is missing, but the champions there are 1, 2"),
    ],
)
def test_a_damaged_pointer_is_a_sentence_and_publishing_writes_it_again(
    champions: Path, pointer: bytes | None, sentence: str
) -> None:
    path = champions / "CURRENT"
    path.unlink() if pointer is None else path.write_bytes(pointer)
    (champions / "CHANGE").unlink()
    with pytest.raises(DamagedChampionError, match=f"champion/CURRENT in the workspace {sentence}"):
        current_champion(champions)
    publish_champion(champions.parent / "2", "2", champions)
    assert current_champion(champions).version == "2"


def test_a_damaged_pointer_costs_no_folder(champions: Path) -> None:
    (champions / "CURRENT").write_bytes(b"")
    assert recover_change(champions) is None
    assert load_champion(champions / "2").gamma_shape == 2.0


def test_a_cut_list_of_previous_champions_keeps_its_complete_lines(champions: Path) -> None:
    shutil.copytree(champions / "1", champions / "0")
    for text, previous in (("0\n1\n", "1"), ("0\n1", "0"), ("0\n7\n", "0"), ("0\n\0\n", "0"), ("", None)):
        (champions / "FORMER").write_text(text, encoding="utf-8")
        assert previous_champion(champions) == previous


def test_a_cut_change_is_forgotten(champions: Path) -> None:
    restore_champion("1", champions)
    cut(0.5)(champions / "CHANGE")
    assert recover_change(champions) is None
    assert (current_champion(champions).version, (champions / "CHANGE").exists()) == ("1", False)


def test_without_any_champion_the_sentence_is_to_train(tmp_path: Path) -> None:
    (tmp_path / "champion").mkdir()
    with pytest.raises(NoChampionError, match="run `train` first"):
        current_champion(tmp_path / "champion")


def test_what_is_renamed_has_reached_the_disk(champion: Champion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    flushed: list[int] = []
    renamed: list[tuple[str, int]] = []
    replace_path = Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: flushed.append(os.fstat(descriptor).st_ino))

    def check(source: Path, target: Path) -> Path:
        inodes = [path.stat().st_ino for path in (source, *source.rglob("*"))]
        assert set(inodes) <= set(flushed)
        renamed.append((target.name, target.parent.stat().st_ino))
        return replace_path(source, target)

    save_champion(champion, tmp_path / "new")
    with monkeypatch.context() as patches:
        patches.setattr(Path, "replace", check)
        publish_champion(tmp_path / "new", "1", tmp_path / "champion")
    assert [name for name, _ in renamed] == ["CHANGE", "1", "CURRENT", "FORMER"]
    assert flushed[-1] == renamed[-1][1]  # the folder that holds the new name
