"""Consent fails closed: a row of the customers table that cannot be used is never a reason to contact somebody."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from expectations.validation.gate import load_tables
from features.tables.casting import cast
from features.tables.schema import Kind
from serving.scoring.contactability import consent_set_aside, with_contactability
from settings.load import load_settings
from settings.sections import Settings

NOW = datetime(2026, 11, 24, tzinfo=UTC).replace(tzinfo=None)
YES = ("yes", "TRUE", "1", "1.0", "Ja", "oui", "SÍ", "sim", "да", "はい", "SUBSCRIBED", "opt-in", "Opted_In")
NO = (
    *("no", "False", "0", "NEIN", "non", "não", "NÃO", "nej", "нет", "いいえ"),
    *("unsubscribed", "NEVER_SUBSCRIBED", "opt-out", "Not  subscribed"),
)


@pytest.mark.parametrize(("words", "meaning"), [(YES, True), (NO, False), (("maybe", "pending", "", "x"), None)])
def test_yes_and_no_are_read_in_the_main_languages(words: tuple[str, ...], meaning: bool | None) -> None:  # noqa: FBT001  # a parameter of the test
    read = pl.DataFrame({"word": words}).select(cast(pl.col("word"), pl.String(), Kind.FLAG)).to_series()
    assert dict(zip(words, read, strict=True)) == dict.fromkeys(words, meaning)


@pytest.fixture
def shop(tmp_path: Path) -> Callable[..., Settings]:
    """Write a shop with these lines in its customers table, and return its settings."""

    def write(*lines: str, header: str = "customer_id,joined_at,marketing_consent") -> Settings:
        orders = [f"{customer},{order},2026-10-{day:02d},20" for order, (customer, day) in enumerate(product())]
        (tmp_path / "orders.csv").write_text("\n".join(["customer_id,order_id,ordered_at,amount", *orders]))
        (tmp_path / "customers.csv").write_text("\n".join([header, *lines]))
        config = tmp_path / "holdfast.toml"
        config.write_text('[tables]\ntransactions = "orders.csv"\ncustomers = "customers.csv"\n')
        return load_settings(config, {})

    return write


def product() -> list[tuple[str, int]]:
    return [(f"c{customer}", day) for customer in range(1, 7) for day in (3, 17)]


def contactable(settings: Settings) -> dict[str, tuple[bool, bool]]:
    """Return, per customer, whether contact is allowed, and whether consent is uncertain."""
    tables, _ = load_tables(settings, NOW)
    features = pl.DataFrame({"customer_id": [f"c{number}" for number in range(1, 7)], "lifecycle_stage": "repeat"})
    states = with_contactability(features, tables, consent_set_aside(settings.workspace.path))
    return {row[0]: (row[1], row[2]) for row in states.select("customer_id", "may_contact", "consent_uncertain").rows()}


def test_a_newer_row_that_is_set_aside_makes_consent_uncertain(shop: Callable[..., Settings]) -> None:
    settings = shop(
        "c1,2025-01-01,yes",
        "c1,2026-11-01,maybe not",  # unreadable
        "c2,2025-01-01,yes",
        "c2,not a date,yes",  # bad for another reason, and says yes
        "c3,2025-01-01,yes",
        "c3,not a date,Nein",  # bad for another reason, and says no
        "c4,2025-01-01,yes",
        "c5,not a date,yes",  # the only row
        *(f"d{number},2025-01-01,yes" for number in range(40)),
    )
    assert contactable(settings) == {
        "c1": (False, True),
        "c2": (False, True),
        "c3": (False, False),
        "c4": (True, False),
        "c5": (False, True),
        "c6": (False, False),
    }


def test_the_next_load_decides_anew(shop: Callable[..., Settings]) -> None:
    rows = [*(f"c{number},2025-01-01,yes" for number in range(1, 7)), *(f"d{number},2025-01-01,yes" for number in range(20))]
    assert contactable(shop(*rows, "c1,2026-11-01,perhaps"))["c1"] == (False, True)
    assert contactable(shop(*rows, "c1,2026-11-01,yes"))["c1"] == (True, False)


def test_without_a_consent_column_all_may_be_contacted(shop: Callable[..., Settings]) -> None:
    rows = [f"d{number},2025-01-01,north" for number in range(20)]
    states = contactable(shop("c1,not a date,south", *rows, header="customer_id,joined_at,region"))
    assert set(states.values()) == {(True, False)}
