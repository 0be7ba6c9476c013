import io
import zipfile
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from serving.lists.contacts import issued_contacts
from serving.lists.files import as_csv, write_list
from serving.lists.issuing import issue
from serving.lists.weekly import ListRefusedError, make_list
from serving.lists.workbook import HELD_OUT_NOTE, as_xlsx
from serving.schemas.iso_weeks import WeekError, week_of
from serving.schemas.list_kind import ListKind
from serving.schemas.lists import LIST_COLUMNS
from serving.store.engine import open_store
from serving.store.lists.issued import issued_lists
from serving.store.lists.precedence import effective_list
from serving.store.lists.rows import list_rows
from serving.store.publish import publish
from serving.store.read import read_scores_by_action
from serving.store.targets import NoTargetsError
from serving.targeting.control_group import draw_holdouts
from settings.load import load_settings
from settings.sections import Action, Settings

NOW = datetime(2026, 11, 24, 9, 30)
COLUMNS = [
    *("list_id", "week", "rank", "customer_id", "arm", "action", "channel", "owner", "status", "loyalty_segment"),
    *("lifecycle_stage", "p_churn", "expected_value", "value_at_risk", "expected_gain", "basis", "reason_1", "reason_2"),
    *("reason_3", "data_as_of", "model_version", "expires_on"),
]


@pytest.fixture(scope="module")
def settings(demo: Path) -> Settings:
    return load_settings(demo / "holdfast.toml", {})


@pytest.fixture(scope="module")
def published(settings: Settings) -> sa.Engine:
    return open_store(settings.store_url)


def test_the_list_has_the_columns_of_the_contract_ordered_by_expected_gain(settings: Settings, published: sa.Engine) -> None:
    weekly = make_list(settings, published, ListKind.AT_RISK)
    assert weekly.frame.columns == COLUMNS
    assert weekly.frame["rank"].to_list() == list(range(1, weekly.frame.height + 1))
    assert weekly.frame["expected_gain"].is_sorted(descending=True)
    assert (weekly.frame["expected_gain"] > 0).all()
    assert set(weekly.frame["status"]) == {"existing"}
    assert weekly.week == week_of(weekly.run.as_of)
    assert f"in the 91 days from {weekly.run.as_of}" in weekly.churn_sentence


def test_each_kind_has_its_own_customers(settings: Settings, published: sa.Engine) -> None:
    assert set(make_list(settings, published, ListKind.WIN_BACK).frame["status"]) == {"former"}
    assert set(make_list(settings, published, ListKind.RECOVERY).frame["owner"]) == {"service"}


def test_a_budget_buys_the_best_gains_and_the_control_group_costs_nothing(settings: Settings, published: sa.Engine) -> None:
    everyone = make_list(settings, published, ListKind.AT_RISK).frame
    weekly = make_list(settings, published, ListKind.AT_RISK, budget=10.0).frame
    assert weekly["customer_id"].to_list() == everyone["customer_id"].head(weekly.height).to_list()
    assert (weekly["arm"] == "treated").sum() * 0.5 <= 10.0 < ((weekly["arm"] == "treated").sum() + 1) * 0.5
    assert make_list(settings, published, ListKind.AT_RISK, limit=3).frame.height == 3
    without_budget = make_list(settings, published, ListKind.AT_RISK, budget=0.0).frame
    assert (without_budget["arm"] == "control").all()


def test_a_week_always_holds_out_the_same_customers(settings: Settings, published: sa.Engine) -> None:
    first, second = (make_list(settings, published, ListKind.AT_RISK).frame for _ in range(2))
    assert first.equals(second)
    later_week = make_list(settings, published, ListKind.AT_RISK, week="2030-W01").frame
    assert not later_week["arm"].equals(first["arm"])


def test_the_control_share_is_met_and_the_draw_depends_on_the_key() -> None:
    customers = pl.Series([f"c{n}" for n in range(20_000)])
    drawn = draw_holdouts(customers, "at_risk-2026-W01", b"k" * 16, 0.08 / 0.98, 0.02)
    assert drawn.is_not_null().mean() == pytest.approx(0.10, abs=0.01)
    assert (drawn == "global").sum() / 20_000 == pytest.approx(0.02, abs=0.005)
    assert not drawn.equals(draw_holdouts(customers, "at_risk-2026-W01", b"x" * 16, 0.10, 0.02))
    assert draw_holdouts(customers, "w", b"k" * 16, 0.0, 0.0).is_null().all()


def test_the_global_control_is_the_same_in_every_draw_and_the_control_of_a_list_is_not() -> None:
    customers = pl.Series([f"c{n}" for n in range(5_000)])
    first, second = (draw_holdouts(customers, f"at_risk-2026-W{week}", b"k" * 16, 0.05 / 0.95, 0.05) for week in ("01", "02"))
    assert ((first == "global").fill_null(value=False) == (second == "global").fill_null(value=False)).all()
    share_in_both = ((first == "list") & (second == "list")).sum() / 5_000
    assert share_in_both == pytest.approx(0.95 * (0.05 / 0.95) ** 2, abs=0.005)


@pytest.mark.parametrize("week", ["2026-W54", "2026W01", "last", "9999-W52"])
def test_an_invalid_week_is_refused(settings: Settings, published: sa.Engine, week: str) -> None:
    with pytest.raises(WeekError, match="A week is written as 2026-W47"):
        make_list(settings, published, ListKind.AT_RISK, week=week)


def test_after_actions_are_renamed_lists_need_new_scores(settings: Settings, published: sa.Engine) -> None:
    renamed = replace(settings, targeting=replace(settings.targeting, actions=(Action("mail", "retention", 1.0, 0.1),)))
    with pytest.raises(ListRefusedError, match=r"which the configuration no longer has; run `score` again"):
        make_list(renamed, published, ListKind.AT_RISK)


def test_a_list_is_written_as_csv_or_parquet(settings: Settings, published: sa.Engine, tmp_path: Path) -> None:
    weekly = make_list(settings, published, ListKind.AT_RISK, limit=5)
    write_list(weekly.frame, weekly.churn_sentence, tmp_path / "new" / "list.csv")
    written = pl.read_csv(tmp_path / "new" / "list.csv", infer_schema=False)
    assert written["customer_id"].to_list() == weekly.frame["customer_id"].to_list()
    write_list(weekly.frame, weekly.churn_sentence, tmp_path / "list.parquet")
    assert pl.read_parquet(tmp_path / "list.parquet").equals(weekly.frame)
    with pytest.raises(ListRefusedError, match=r"written as \.csv, \.xlsx or \.parquet"):
        write_list(weekly.frame, weekly.churn_sentence, tmp_path / "list.txt")


def test_weeks_are_iso_weeks() -> None:
    assert [week_of(day) for day in (date(2026, 11, 22), date(2024, 12, 30), date(2027, 1, 1))] == [
        "2026-W47",
        "2025-W01",
        "2026-W53",
    ]


def test_a_list_is_issued_once_and_never_changes(settings: Settings, published: sa.Engine, store: sa.Engine) -> None:
    weekly = make_list(settings, published, ListKind.WIN_BACK)
    first, frame, *_ = issue(settings, store, weekly, "ann", NOW)
    again, same, *_ = issue(settings, store, weekly, "ben", NOW)
    assert (again, first.issued_by) == (first, "ann")
    assert frame.equals(same)
    assert list_rows(store, first.list_id, {}).equals(frame)
    shorter = make_list(settings, published, ListKind.WIN_BACK, limit=3)
    second, _, *_ = issue(settings, store, shorter, "ben", NOW)
    assert (second.list_id, second.rows, second.row_limit) == (f"{first.list_id}-2", 3, 3)
    assert [issued.list_id for issued in issued_lists(store, "win_back")] == [second.list_id, first.list_id]
    assert list_rows(store, first.list_id, {}).equals(frame)


def test_the_figures_of_a_list_add_up(settings: Settings, published: sa.Engine) -> None:
    weekly = make_list(settings, published, ListKind.AT_RISK, budget=20.0)
    summary = weekly.summary
    assert summary["candidates"] == summary["rows"] + sum(summary["left_out"].values())
    assert (summary["rows"], summary["treated"]) == (weekly.frame.height, (weekly.frame["arm"] == "treated").sum())
    assert summary["action_cost"] <= 20.0
    assert summary["left_out"]["budget"] > 0
    assert summary["curve"]["spent"][-1] >= summary["curve"]["best_budget"] > 20.0
    drawn = weekly.expected.filter(pl.col("held_by").is_null() | (pl.col("held_by") == "list"))
    assert drawn["propensity"].unique().to_list() == [pytest.approx(1 - 0.08 / 0.98)]
    assert set(weekly.expected.filter(held_by="global")["propensity"]) <= {0.0}
    assert weekly.expected["averted"].sum() > 0


def test_next_weeks_list_excludes_treated_and_held_out_customers_and_says_why(workshop: Path) -> None:
    settings = load_settings(workshop, {})
    store = open_store(settings.store_url)
    first = make_list(settings, store, ListKind.WIN_BACK)
    issue(settings, store, first, "ann", NOW)
    assert first.summary["changes"] is None
    week = week_of(first.run.as_of + timedelta(days=7))
    second = make_list(settings, store, ListKind.WIN_BACK, week=week)
    treated = first.frame.filter(arm="treated").height
    assert second.frame.is_empty()
    before = first.summary["left_out"]["contacted"]  # contacted by the shop's own campaign
    assert second.summary["left_out"]["contacted"] == before + treated
    assert second.summary["left_out"]["held_out"] == first.frame.height - treated
    gone = {"contacted": treated, "held_out": first.frame.height - treated}
    changes = {"list_id": first.list_id, "week": first.week, "new": 0, "stayed": 0, "gone": gone}
    assert second.summary["changes"] == changes
    later = make_list(settings, store, ListKind.WIN_BACK, week=week_of(first.run.as_of + timedelta(days=14)))
    assert later.frame["customer_id"].sort().to_list() == first.frame.filter(arm="treated")["customer_id"].sort().to_list()
    assert make_list(settings, store, ListKind.WIN_BACK).frame.equals(first.frame)
    store.dispose()


def test_limited_and_replaced_lists_hold_no_customer_back(workshop: Path) -> None:
    settings = load_settings(workshop, {})
    store = open_store(settings.store_url)
    replaced, _, *_ = issue(settings, store, make_list(settings, store, ListKind.RECOVERY), "ann", NOW)
    effective, rows, *_ = issue(settings, store, make_list(settings, store, ListKind.RECOVERY, budget=15.0), "ann", NOW)
    issue(settings, store, make_list(settings, store, ListKind.RECOVERY, limit=2), "ann", NOW)
    actual = effective_list(store, ListKind.RECOVERY, effective.week)
    assert actual is not None
    assert actual.list_id == effective.list_id
    contacts = issued_contacts(store).filter(pl.col("campaign_id").str.starts_with("recovery"))
    assert contacts["campaign_id"].unique().to_list() == [effective.list_id]
    week = week_of(effective.data_as_of + timedelta(days=7))
    second = make_list(settings, store, ListKind.RECOVERY, week=week)
    assert second.summary["changes"]["list_id"] == effective.list_id
    assert second.summary["changes"]["stayed"] + sum(second.summary["changes"]["gone"].values()) == rows.height
    only_on_replaced = set(list_rows(store, replaced.list_id, {})["customer_id"]) - set(rows["customer_id"])
    assert only_on_replaced <= set(second.frame["customer_id"])
    store.dispose()


def test_a_run_without_targets_needs_new_scores(settings: Settings, published: sa.Engine, store: sa.Engine) -> None:
    run, scores = read_scores_by_action(published, ["retention"])
    publish(store, scores, run.horizon_days)
    with pytest.raises(NoTargetsError, match=r"run `score` again"):
        make_list(settings, store, ListKind.AT_RISK)


def test_the_rows_of_a_list_can_be_read_by_rank_and_filter(settings: Settings, published: sa.Engine, store: sa.Engine) -> None:
    issued, frame, *_ = issue(settings, store, make_list(settings, published, ListKind.AT_RISK), "ann", NOW)
    third = list_rows(store, issued.list_id, {}, after=2, limit=1)
    assert third.equals(frame.slice(2, 1))
    held_out = list_rows(store, issued.list_id, {"arm": "control"})
    assert held_out.equals(frame.filter(arm="control"))


def awkward_rows() -> pl.DataFrame:
    texts = {name: ["=1+1", "Zoë"] for name, dtype in LIST_COLUMNS.items() if dtype == pl.String}
    others = {name: [None, None] for name, dtype in LIST_COLUMNS.items() if dtype != pl.String}
    cells = texts | others | {"reason_1": ["+49", "-9 days"], "reason_2": ["@x", "\ty"], "p_churn": [-0.5, 0.25]}
    return pl.DataFrame({name: cells[name] for name in LIST_COLUMNS}, schema=LIST_COLUMNS)


def test_no_cell_of_a_csv_for_spreadsheets_is_a_formula_and_numbers_stay_numbers() -> None:
    text = as_csv(awkward_rows(), spreadsheet=True)
    assert text.startswith(b"\xef\xbb\xbf")
    rows = pl.read_csv(text, infer_schema=False)
    assert rows["customer_id"].to_list() == ["'=1+1", "Zoë"]
    assert rows["reason_1"].to_list() == ["'+49", "'-9 days"]
    assert rows["reason_2"].to_list() == ["'@x", "'\ty"]
    assert rows["p_churn"].to_list() == ["-0.5", "0.25"]


def test_a_workbook_has_the_sentence_dates_as_dates_and_no_formula() -> None:
    dated = awkward_rows().with_columns(pl.lit(date(2026, 11, 23)).alias("data_as_of"))
    book = zipfile.ZipFile(io.BytesIO(as_xlsx(dated, "p_churn means this.")))
    to_do, sheet, strings = (
        book.read(f"xl/{name}.xml").decode() for name in ("worksheets/sheet1", "worksheets/sheet3", "sharedStrings")
    )
    assert "<f>" not in to_do + sheet
    assert 'state="frozen"' in to_do
    assert "p_churn means this." in strings
    assert "=1+1" in strings
    assert "<v>46349</v>" in sheet  # 23 November 2026 as spreadsheets count days
    assert 'state="frozen"' in sheet
    assert HELD_OUT_NOTE not in strings
    held_out = dated.with_columns(pl.lit("control").alias("arm"))
    assert HELD_OUT_NOTE in zipfile.ZipFile(io.BytesIO(as_xlsx(held_out, "s"))).read("xl/sharedStrings.xml").decode()
