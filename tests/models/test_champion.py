import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import lightgbm as lgb
import numpy as np
import polars as pl
import pytest

from features.norms import Norms
from models.btyd.bgnbd import BGNBD
from models.btyd.gamma_gamma import GammaGamma
from models.btyd.pair import BuyTillYouDie
from models.btyd.seasonal_level import SeasonalOffset
from models.champion import Champion, ChampionTerms, current_champion, load_champion, publish_champion, save_champion
from models.churn.bgnbd_churn import BgNbdChurn
from models.errors import NoChampionError
from models.uplift.learners import Uplift
from serving.scoring.batch import measured_effects
from settings.sections import Action, Settings, TableSources, Targeting, Workspace

CHAMPION = Champion(
    ChampionTerms(date(2025, 3, 1), 90, 365, "brand", 4),
    Norms(date(2025, 3, 1), 4.5, 10.0, {"delivery": 3.0}, {"tea": 5.0}),
    BgNbdChurn(0.5),
    BuyTillYouDie(BGNBD(0.2, 4.0, 0.8, 2.4), GammaGamma(6.0, 3.7, 15.0), SeasonalOffset(0.2, -0.1)),
    1.5,
    (1.0, 2.0, 3.0, 4.0),
    0.2,
    {"log_loss": 0.4},
)


def test_a_champion_survives_saving_and_publishing(tmp_path: Path) -> None:
    save_champion(CHAMPION, tmp_path / "new")
    publish_champion(tmp_path / "new", "7", tmp_path / "champion")
    found = current_champion(tmp_path / "champion")
    assert found.version == "7"
    assert (found.terms, found.norms, found.churn, found.btyd, found.value_cuts, found.log_total_std) == (
        CHAMPION.terms,
        CHAMPION.norms,
        CHAMPION.churn,
        CHAMPION.btyd,
        CHAMPION.value_cuts,
        CHAMPION.log_total_std,
    )


def test_effects_of_contacts_are_kept_and_scored_by(tmp_path: Path) -> None:
    trees = lgb.train(
        {"objective": "regression", "verbose": -1, "min_data_in_leaf": 1},
        lgb.Dataset(np.arange(40.0).reshape(-1, 1), label=np.arange(40.0) / 400),
        num_boost_round=5,
    )
    letter = Uplift("dr", (trees,), (1.0,), ("orders",), middle=0.1, slope=0.5, shift=0.4, contacts=2.0)
    call = replace(letter, slope=0.0, contacts=1.0)
    responses = ({"action": "letter", "used": True},)
    save_champion(replace(CHAMPION, uplift={"letter": letter, "call": call}, responses=responses), tmp_path / "new")
    found = load_champion(tmp_path / "new")
    assert found.responses == responses
    scored = pl.DataFrame({"orders": [1.0, 30.0, 2.0], "p_churn": [0.5, 0.9, 1.0]})
    risk = scored["p_churn"].to_numpy()
    assert found.uplift["letter"].effect(scored, risk).tolist() == letter.effect(scored, risk).tolist()
    assert found.uplift["call"].effect(scored, risk) == pytest.approx([0.1, 0.036, 0.0])
    actions = (Action("mail", "retention", 1.0, 0.1, measured_by="letter"), Action("call", "retention", 1.0, 0.1))
    settings = Settings(TableSources("t.csv"), Workspace(tmp_path), targeting=Targeting(actions=actions))
    told = measured_effects(settings, scored, found)
    assert told["mail"].to_list() == letter.effect(scored, risk).tolist()
    assert told["call"].to_list() == pytest.approx([0.1, 0.036, 0.0])


def test_effects_that_were_judged_by_an_earlier_measure_are_assumed_again(tmp_path: Path) -> None:
    save_champion(CHAMPION, tmp_path / "new")
    told = json.loads((tmp_path / "new" / "champion.json").read_text(encoding="utf-8"))
    before = told | {"uplift": ["newsletter"], "responses": [{"action": "newsletter"}]}
    before.pop("effects_of_contacts")
    (tmp_path / "new" / "champion.json").write_text(json.dumps(before), encoding="utf-8")
    found = load_champion(tmp_path / "new")
    assert (found.uplift, found.responses) == ({}, ())


def crash(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_crash_before_the_last_step_leaves_the_former_champion(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    champions = tmp_path / "champion"
    save_champion(CHAMPION, tmp_path / "new")
    publish_champion(tmp_path / "new", "1", champions)
    with monkeypatch.context() as broken:
        broken.setattr(Path, "write_text", crash)
        with pytest.raises(KeyboardInterrupt):
            publish_champion(tmp_path / "new", "2", champions)
    assert current_champion(champions).version == "1"
    publish_champion(tmp_path / "new", "2", champions)
    assert current_champion(champions).version == "2"


def test_a_published_folder_is_never_overwritten(tmp_path: Path) -> None:
    champions = tmp_path / "champion"
    save_champion(CHAMPION, tmp_path / "first")
    save_champion(replace(CHAMPION, gamma_shape=9.0), tmp_path / "second")
    assert publish_champion(tmp_path / "first", "1", champions).name == "1"
    assert publish_champion(tmp_path / "first", "1", champions).name == "1"
    assert publish_champion(tmp_path / "second", "1", champions).name == "1-2"
    assert current_champion(champions).gamma_shape == 9.0


def test_before_the_first_champion_the_message_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(NoChampionError, match="run `train` first"):
        current_champion(tmp_path)
