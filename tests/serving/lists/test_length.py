from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from models.champion import at_risk_from, read_base_rate
from models.track_record import TrackRecord
from serving.lists.length import Selection, length_sentence
from serving.lists.weekly import make_list
from serving.schemas.list_kind import ListKind
from serving.store.engine import open_store
from serving.targeting.choice import choose_actions
from serving.targeting.evidence import list_evidence
from settings.load import load_settings
from settings.sections import Settings, TableSources, Targeting, Workspace

SHOP = Selection(existing=200, former=50, highest=0.4, at_risk_from=at_risk_from(None, 0.15), base_rate=0.15)
RELATIVE = Settings(TableSources("t.csv"), Workspace(Path("w")))
FIXED = replace(RELATIVE, targeting=Targeting(at_risk_threshold=0.5))
EMPTY = {"candidates": 0, "rows": 0, "left_out": {}}


@pytest.mark.parametrize(
    ("kind", "selection", "settings", "figures", "words"),
    [
        (
            ListKind.AT_RISK,
            replace(SHOP, at_risk_from=0.5),
            FIXED,
            EMPTY,
            "the highest p_churn of 200 existing customers is 0.40, below targeting.at_risk_threshold = 0.5. Lower it",
        ),
        (ListKind.AT_RISK, replace(SHOP, highest=0.15), RELATIVE, EMPTY, "is above the base rate at training (0.15)"),
        (ListKind.AT_RISK, replace(SHOP, existing=0, highest=None), RELATIVE, EMPTY, "no customer has ordered in the last"),
        (ListKind.AT_RISK, SHOP, RELATIVE, EMPTY, "every customer at risk has a complaint to be answered first"),
        (ListKind.WIN_BACK, replace(SHOP, former=0), RELATIVE, EMPTY, "no customer is a former one"),
        (ListKind.RECOVERY, SHOP, RELATIVE, EMPTY, "no complaint is open"),
        (
            ListKind.AT_RISK,
            SHOP,
            RELATIVE,
            {"candidates": 80, "rows": 0, "left_out": {"not_worth_it": 70, "contacted": 10}},
            "of 80 candidates, 70 would cost more than they are expected to bring. A cheaper action",
        ),
        (
            ListKind.AT_RISK,
            SHOP,
            RELATIVE,
            {"candidates": 9, "rows": 0, "left_out": {"cap_week": 9}},
            "9 exceed the weekly cap. Raise the cap",
        ),
        (ListKind.AT_RISK, SHOP, RELATIVE, {"candidates": 196, "rows": 196}, "holds 196 of 200 existing customers"),
        (ListKind.WIN_BACK, SHOP, RELATIVE, {"candidates": 50, "rows": 45}, "holds 45 of 50 former customers"),
    ],
)
def test_an_empty_or_full_list_says_why_and_what_to_change(
    kind: ListKind, selection: Selection, settings: Settings, figures: dict[str, int], words: str
) -> None:
    assert words in (length_sentence(kind, figures, selection, settings) or "")


def test_other_lists_need_no_explanation() -> None:
    some = {"candidates": 60, "rows": 40}
    assert all(length_sentence(kind, some, SHOP, RELATIVE) is None for kind in (ListKind.AT_RISK, ListKind.RECOVERY))
    assert length_sentence(ListKind.WIN_BACK, some, replace(SHOP, former=15), RELATIVE) is None


def test_by_default_customers_above_the_base_rate_are_at_risk(demo: Path) -> None:
    settings = load_settings(demo / "holdfast.toml", {})
    weekly = make_list(settings, open_store(settings.store_url), ListKind.AT_RISK)
    base_rate = read_base_rate(settings.workspace.path / "champion", weekly.run.model_version)
    assert base_rate is not None
    assert 0 < base_rate < 1
    assert (weekly.frame["p_churn"] > base_rate).all()
    assert weekly.summary["length"] is None
    assert weekly.summary["track_record"]["horizon_days"] == weekly.run.horizon_days


@pytest.mark.parametrize("p_churn", [0.02, 0.5, 0.97])
def test_where_all_have_the_risk_of_the_base_rate_none_is_at_risk(p_churn: float) -> None:
    rows = pl.DataFrame(
        {"p_churn": [p_churn] * 3, "value_if_stays": 100.0, "value_if_leaves": 0.0, "status": "existing"}
    ).with_columns(
        pl.lit(0, pl.Int64).alias("open_complaints"),
        pl.lit(None, pl.Int64).alias("last_settled_satisfied"),
        pl.lit(None, pl.Int64).alias("last_settled_days"),
        pl.lit("basic").alias("relationship_level"),
        pl.lit(2).alias("orders"),
        pl.lit(value=True).alias("may_contact"),
        pl.lit(value=False).alias("consent_uncertain"),
    )
    assert set(choose_actions(rows, Targeting(), at_risk_from(None, p_churn))["target"]) == {"nurture"}
    assert set(choose_actions(rows, Targeting(), at_risk_from(None, 0.9 * p_churn))["target"]) == {"retention"}


def test_where_nothing_was_tested_the_page_promises_no_gain() -> None:
    treated = pl.DataFrame(
        {"action": ["mail"], "basis": "assumed", "p_churn": 0.5, "value_at_risk": 5.0, "expected_gain": 2.0, "action_cost": 1.0}
    ).with_columns(pl.lit(0.1).alias("averted"))
    evidence = list_evidence(treated, {}, "EUR", 365, TrackRecord(horizon_days=90))
    assert not evidence.is_promised
    assert evidence.is_assumed
    assert evidence.sentence.startswith("Never tested")
