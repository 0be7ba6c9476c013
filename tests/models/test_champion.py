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
from models.champion import Champion, ChampionTerms, current_champion, load_champion, read_base_rate, save_champion
from models.churn.order_columns import OrderColumnChurn
from models.errors import NoChampionError
from models.publication import publish_champion
from models.uplift.learners import Uplift
from serving.scoring.batch import measured_effects
from settings.sections import Action, Settings, TableSources, Targeting, Workspace

CHAMPION = Champion(
    terms=ChampionTerms(
        trained_as_of=date(2025, 3, 1), horizon_days=90, active_days=365, loyalty_unit="brand", loyalty_min_purchases=4
    ),
    norms=Norms(date(2025, 3, 1), 4.5, 10.0, {"delivery": 3.0}, {"tea": 5.0}),
    churn=OrderColumnChurn(0.5),
    btyd=BuyTillYouDie(BGNBD(0.2, 4.0, 0.8, 2.4), GammaGamma(6.0, 3.7, 15.0), SeasonalOffset(0.2, -0.1)),
    gamma_shape=1.5,
    value_cuts=(1.0, 2.0, 3.0, 4.0),
    log_total_std=0.2,
    backtest_metrics={"log_loss": 0.4},
    base_rate=0.3,
)


def test_a_champion_survives_saving_and_publishing(tmp_path: Path) -> None:
    save_champion(CHAMPION, tmp_path / "new")
    publish_champion(tmp_path / "new", "7", tmp_path / "champion")
    current = current_champion(tmp_path / "champion")
    assert current.version == "7"
    assert replace(current, version="") == CHAMPION


def test_customers_are_at_risk_above_the_configured_threshold_the_base_rate_or_one_half(tmp_path: Path) -> None:
    assert CHAMPION.at_risk_from(0.7) == 0.7
    assert 0.3 < CHAMPION.at_risk_from(None) < 0.30001
    assert replace(CHAMPION, base_rate=None).at_risk_from(None) == 0.5
    save_champion(CHAMPION, tmp_path / "7")
    assert read_base_rate(tmp_path, "7") == 0.3
    assert read_base_rate(tmp_path, "8") is None
    (tmp_path / "7" / "champion.json").write_text('{"base_rate": "cut')
    assert read_base_rate(tmp_path, "7") is None


def test_effects_of_contacts_are_saved_and_used_for_scoring(tmp_path: Path) -> None:
    trees = lgb.train(
        {"objective": "regression", "verbose": -1, "min_data_in_leaf": 1},
        lgb.Dataset(np.arange(40.0).reshape(-1, 1), label=np.arange(40.0) / 400),
        num_boost_round=5,
    )
    letter = Uplift(
        learner="dr", boosters=(trees,), weights=(1.0,), inputs=("orders",), raw_shift=0.1, slope=0.5, shift=0.4, contacts=2.0
    )
    call = replace(letter, slope=0.0, contacts=1.0)
    responses = ({"action": "letter", "used": True},)
    save_champion(replace(CHAMPION, uplift={"letter": letter, "call": call}, responses=responses), tmp_path / "new")
    loaded = load_champion(tmp_path / "new")
    assert loaded.responses == responses
    scored = pl.DataFrame({"orders": [1.0, 30.0, 2.0], "p_churn": [0.5, 0.9, 1.0]})
    risk = scored["p_churn"].to_numpy()
    assert loaded.uplift["letter"].effect(scored, risk).tolist() == letter.effect(scored, risk).tolist()
    assert loaded.uplift["call"].effect(scored, risk) == pytest.approx([0.1, 0.036, 0.0])
    actions = (Action("mail", "retention", 1.0, 0.1, measured_by="letter"), Action("call", "retention", 1.0, 0.1))
    settings = Settings(TableSources("t.csv"), Workspace(tmp_path), targeting=Targeting(actions=actions))
    effects = measured_effects(settings, scored, loaded)
    assert effects["mail"].to_list() == letter.effect(scored, risk).tolist()
    assert effects["call"].to_list() == pytest.approx([0.1, 0.036, 0.0])


def test_effects_saved_before_they_were_judged_without_bias_are_dropped(tmp_path: Path) -> None:
    save_champion(CHAMPION, tmp_path / "new")
    data = json.loads((tmp_path / "new" / "champion.json").read_text(encoding="utf-8"))
    earlier_format = data | {"uplift": ["newsletter"], "responses": [{"action": "newsletter"}]}
    earlier_format.pop("effects_of_contacts")
    (tmp_path / "new" / "champion.json").write_text(json.dumps(earlier_format), encoding="utf-8")
    (tmp_path / "new" / "checksums.json").unlink()
    loaded = load_champion(tmp_path / "new")
    assert (loaded.uplift, loaded.responses) == ({}, ())


def crash(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_a_crash_before_the_last_step_leaves_the_previous_champion_current(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champions = tmp_path / "champion"
    save_champion(CHAMPION, tmp_path / "new")
    publish_champion(tmp_path / "new", "1", champions)
    with monkeypatch.context() as patches:
        patches.setattr("models.publication._write_lines", crash)
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


def test_before_the_first_champion_the_message_names_the_command_to_run(tmp_path: Path) -> None:
    with pytest.raises(NoChampionError, match="run `train` first"):
        current_champion(tmp_path)
