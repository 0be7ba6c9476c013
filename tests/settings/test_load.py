import os
from pathlib import Path

import pytest

from settings.errors import SettingsError
from settings.load import load_settings
from settings.sections import Serving, Settings, SqlQuery, TableSources, Workspace

MINIMAL = '[tables]\ntransactions = "orders.csv"\n'


def write_config(folder: Path, text: str) -> Path:
    path = folder / "holdfast.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_key_but_the_transactions_has_a_default(tmp_path: Path) -> None:
    settings = load_settings(write_config(tmp_path, MINIMAL), {})
    assert (settings.churn.horizon_days, settings.churn.active_days) == (90, 365)
    assert (settings.value.horizon_days, settings.value.margin, settings.value.annual_discount_rate) == (365, 1.0, 0.10)
    assert settings.targeting.at_risk_threshold is None
    assert settings.targeting.control_hold_days is None
    assert (settings.loyalty.unit, settings.loyalty.min_purchases) == ("brand", 4)


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    text = MINIMAL + '[workspace]\npath = "w"\n[serving]\nstore = "sqlite:///w/s.db"\n'
    settings = load_settings(write_config(tmp_path, text), {})
    assert settings.tables.transactions == str(tmp_path / "orders.csv")
    assert settings.workspace.path == tmp_path / "w"
    assert settings.store_url == f"sqlite:///{tmp_path}/w/s.db"
    assert settings.mlflow_uri == f"sqlite:///{tmp_path}/w/mlflow.db"


def test_a_table_may_be_a_query(tmp_path: Path) -> None:
    text = '[tables]\ntransactions = {url = "sqlite:///shop.db", query = "select 1"}\n'
    settings = load_settings(write_config(tmp_path, text), {})
    assert settings.tables.transactions == SqlQuery(f"sqlite:///{tmp_path}/shop.db", "select 1")


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    environment = {
        "HOLDFAST__CHURN__HORIZON_DAYS": "30",
        "HOLDFAST__VALUE__CURRENCY": "GBP",
        "HOLDFAST_CONFIG": "x",
        "HOLDFAST_X": "y",
    }
    settings = load_settings(write_config(tmp_path, MINIMAL), environment)
    assert (settings.churn.horizon_days, settings.value.currency) == (30, "GBP")


@pytest.mark.parametrize("key", ["control_hold_days", "hold_out_days"])
def test_the_old_name_of_a_key_is_still_accepted(tmp_path: Path, key: str) -> None:
    path = write_config(tmp_path, f"{MINIMAL}[targeting]\n{key} = 91\n")
    assert load_settings(path, {}).targeting.control_hold_days == 91


def test_the_old_name_of_a_key_is_accepted_from_the_environment(tmp_path: Path) -> None:
    environment = {"HOLDFAST__TARGETING__HOLD_OUT_DAYS": "91"}
    assert load_settings(write_config(tmp_path, MINIMAL), environment).targeting.control_hold_days == 91


def test_a_key_under_its_old_and_its_new_name_is_refused_by_both(tmp_path: Path) -> None:
    path = write_config(tmp_path, MINIMAL + "[targeting]\nhold_out_days = 91\ncontrol_hold_days = 30\n")
    with pytest.raises(SettingsError) as error:
        load_settings(path, {})
    assert str(error.value) == (
        f"{path}: targeting.hold_out_days is the old name of targeting.control_hold_days; keep only targeting.control_hold_days."
    )


def test_a_wrong_value_under_the_old_name_is_refused_by_the_new_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"targeting\.control_hold_days should be greater than 0, found -1"):
        load_settings(write_config(tmp_path, MINIMAL + "[targeting]\nhold_out_days = -1\n"), {})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[churn]\nhorizn_days = 5", "unknown key churn.horizn_days"),
        ("[chrn]\nhorizon_days = 5", "unknown key chrn"),
        ("[churn]\nhorizon_days = -5", "churn.horizon_days should be greater than 0, found -5"),
        ('[churn]\nhorizon_days = "soon"', "churn.horizon_days should be"),
        ("[churn]\nhorizon_days = true", "churn.horizon_days should be"),
        ("[churn]\nband_cuts = [0.6, 0.3]", "churn.band_cuts should be in ascending order, found 0.6 before 0.3"),
        ("[targeting]\nat_risk_threshold = 2", "targeting.at_risk_threshold should be less than or equal to 1, found 2"),
        ('[[targeting.actions]]\nname = "x"\nkind = "retention"\ncost = 1.0', "targeting.actions.0.save_rate is missing"),
        ("[value]\nmargin = nan", "value.margin should be a finite number"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings(write_config(tmp_path, MINIMAL + text), {})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "tables.transactions is missing"),
        ('[tables]\ntransactions = {url = "sqlite:///a"}', "tables.transactions.query is missing"),
        ("[tables\n", "not valid TOML"),
    ],
)
def test_a_file_without_transactions_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        load_settings(write_config(tmp_path, text), {})


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"There is no configuration file at .*nowhere\.toml; name one with --config"):
        load_settings(tmp_path / "nowhere.toml", {})


def test_an_unknown_key_in_the_environment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"unknown key churn\.horizon"):
        load_settings(write_config(tmp_path, MINIMAL), {"HOLDFAST__CHURN__HORIZON": "30"})


def test_objections_are_kept_beside_the_secret_or_in_the_workspace_if_its_folder_is_read_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(
        tables=TableSources("orders.csv"),
        workspace=Workspace(tmp_path / "workspace"),
        serving=Serving(secret_file=tmp_path / "secrets" / "key"),
    )
    (tmp_path / "secrets").mkdir()
    assert settings.withheld_log_path == tmp_path / "secrets" / "key.withheld"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert settings.withheld_log_path == tmp_path / "workspace" / "key.withheld"
