"""Objections, erasures, consent, details and units follow a customer whose accounts were merged."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from features.tables.schema import Tables
from serving.privacy.merged_ids import ids_of
from serving.scoring.contactability import with_contactability
from serving.scoring.details import customer_details
from serving.scoring.units import build_units
from settings.load import load_settings

Run = Callable[..., tuple[int, str, str]]
OLD, OLDER, SURVIVOR, OTHER = "000010", "000012", "000011", "000020"


def merge(config: Path, *rows: str) -> None:
    """Give the shop a table of merged customers."""
    (config.parent / "data" / "aliases.csv").write_text("\n".join(["old_id,new_id", *rows]) + "\n", encoding="utf-8")
    text = config.read_text(encoding="utf-8")
    if "aliases" not in text:
        config.write_text(text.replace("[tables]\n", '[tables]\naliases = "data/aliases.csv"\n'), encoding="utf-8")


def scores(config: Path, holdfast: Run) -> dict[str, tuple[str | None, float]]:
    """Publish a run, and return why each customer has no score, and the number of orders."""
    out = config.parent / "scores.parquet"
    code, _, messages = holdfast("score", "--config", config, "--out", out, "--override", "merged in the test")
    assert code == 0, messages
    columns = ("customer_id", "no_score_reason", "orders")
    return {row[0]: (row[1], row[2]) for row in pl.read_parquet(out).select(columns).iter_rows()}


@pytest.mark.slow
def test_an_objection_holds_for_all_ids_whichever_came_first(workshop: Path, holdfast: Run) -> None:
    before = scores(workshop, holdfast)
    assert holdfast("suppress", OLD, "--config", workshop)[0] == 0  # before anybody knows of the merger
    merge(workshop, f"{OLD},{SURVIVOR}", f"{OLDER},{OLD}")
    after = scores(workshop, holdfast)
    assert {OLD, OLDER}.isdisjoint(after)
    assert after[SURVIVOR][0] == "suppressed"
    assert (
        holdfast("suppress", SURVIVOR, "--config", workshop)[1]
        == "The customer was already suppressed or erased; nothing changed.\n"
    )
    assert holdfast("unsuppress", OLDER, "--config", workshop, "--reason", "opted in again")[0] == 0
    lifted = scores(workshop, holdfast)
    assert lifted[SURVIVOR][0] is None
    assert lifted[SURVIVOR][1] > before[SURVIVOR][1]
    assert lifted[OTHER] == before[OTHER]


@pytest.mark.slow
def test_an_erasure_reaches_all_ids(workshop: Path, holdfast: Run) -> None:
    merge(workshop, f"{OLD},{SURVIVOR}", f"{OLDER},{OLD}")
    scores(workshop, holdfast)
    settings = load_settings(workshop, {})
    assert ids_of(settings, OLD) == [OLD, SURVIVOR, OLDER]
    assert holdfast("forget", OLD, "--config", workshop)[0] == 0
    ids = {OLD, OLDER, SURVIVOR}
    for path in (workshop.parent / "workspace").rglob("*.parquet"):
        texts = pl.read_parquet(path).select(pl.col(pl.String))
        assert not any(ids & set(column) for column in texts.iter_columns()), path
    assert ids.isdisjoint(scores(workshop, holdfast))  # and no load brings them back


@pytest.fixture
def tables(orders: Callable[..., pl.LazyFrame], make_table: Callable[..., pl.LazyFrame]) -> Tables:
    aliases = pl.LazyFrame({"old_id": ["a"], "new_id": ["b"]})
    rows: list[tuple[object, ...]] = [
        ("a", False, "H1", "Ann"),
        ("b", True, None, None),
        ("c", True, "H1", None),
        ("d", True, None, "Dee"),
    ]
    customers = make_table("customers", "customer_id marketing_consent household name", rows)
    return Tables(orders([(customer, "2026-01-01", 5.0) for customer in "abcd"]), customers=customers, aliases=aliases)


def test_a_refusal_under_any_id_counts(tables: Tables) -> None:
    features = pl.DataFrame({"customer_id": list("abcd"), "lifecycle_stage": "repeat"})
    states = with_contactability(features, tables)
    assert dict(states.select("customer_id", "may_contact").iter_rows()) == {"a": False, "b": False, "c": True, "d": True}
    set_aside = pl.DataFrame({"customer_id": ["d"], "refused": [False]})
    assert with_contactability(features, tables, set_aside)["may_contact"].to_list() == [False, False, True, False]


def test_details_are_those_of_any_id(tables: Tables) -> None:
    details = customer_details(tables)
    assert details is not None
    assert dict(details.select("customer_id", "name").iter_rows()) == {"b": "Ann", "d": "Dee"}


def test_all_ids_and_their_household_are_one_unit(tables: Tables) -> None:
    """So arms, holds, pauses and outcomes follow: they are those of the unit."""
    contacted = pl.DataFrame(
        {"customer_id": list("bcd"), "contacted_days": [None, 3, None]}, schema_overrides={"contacted_days": pl.Int64}
    )
    units = build_units(tables, contacted, pl.Series(["b", "c", "d"]), "key")
    assert units["customer_id"].to_list() == ["a", "b", "c"]
    assert units["unit"].n_unique() == 1
    without = build_units(Tables(tables.transactions, aliases=tables.aliases), contacted, pl.Series(["b"]), "key")
    assert without["customer_id"].to_list() == ["a", "b"]
    assert without["unit"].n_unique() == 1
