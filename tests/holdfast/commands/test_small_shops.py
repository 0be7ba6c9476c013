"""Shops too small for a model: every command has a useful answer, and says what it cannot know."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

Run = Callable[..., tuple[int, str, str]]
Rows = list[tuple[str, int, date, float]]
START = date(2026, 8, 1)
NEW_ONLY: Rows = [(f"c{number:03}", number, START + timedelta(days=number % 40), 5.0 + number) for number in range(60)]
ONE_DAY: Rows = [(f"c{number % 20:03}", number, START, 5.0 + number) for number in range(50)]
ONE_ORDER: Rows = [("c001", 1, START, 5.0)]


@pytest.fixture
def shop(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: Rows, more: str = "") -> Path:
        lines = [",".join(str(cell) for cell in row) for row in rows]
        (tmp_path / "orders.csv").write_text(
            "\n".join(["customer_id,order_id,ordered_at,amount", *lines]) + "\n", encoding="utf-8"
        )
        tables = f'[tables]\ntransactions = "orders.csv"\n{more}\n[churn]\nhorizon_days = "auto"\nactive_days = "auto"\n'
        (tmp_path / "holdfast.toml").write_text(tables, encoding="utf-8")
        return tmp_path / "holdfast.toml"

    return write


def listed(config: Path) -> pl.DataFrame:
    [path] = (config.parent / "workspace" / "lists").glob("recency_and_value-*.parquet")
    return pl.read_parquet(path)


@pytest.mark.parametrize("rows", [NEW_ONLY, ONE_DAY, ONE_ORDER])
def test_without_a_repeat_buyer_every_command_answers(shop: Callable[..., Path], holdfast: Run, rows: Rows) -> None:
    config = shop(rows)
    for command in ("inspect", "validate"):
        assert holdfast(command, "--config", config)[0] == 0
    code, output, error = holdfast("train", "--config", config)
    assert code == 0
    assert "No model was trained. The order models need customers who bought again; none of" in error
    assert "nothing here predicts who will" in output
    assert listed(config)["customer_id"].n_unique() == len({row[0] for row in rows})
    assert holdfast("run", "--config", config)[0] == 0
    assert "c001" not in output  # no ids in what a weekly job prints


def test_customers_are_listed_by_thirds_of_value_and_then_by_silence(shop: Callable[..., Path], holdfast: Run) -> None:
    config = shop([("a", 1, START, 90.0), ("b", 2, START + timedelta(days=9), 80.0), ("c", 3, START + timedelta(days=20), 10.0)])
    holdfast("run", "--config", config)
    rows = listed(config).select("rank", "customer_id", "recency_days", "historic_value", "value_group", "recency_group").rows()
    assert rows == [
        (1, "a", 21, 90.0, "highest third", "longest silent third"),
        (2, "b", 12, 80.0, "middle third", "middle third"),
        (3, "c", 1, 10.0, "lowest third", "most recent third"),
    ]


def test_equal_customers_are_in_one_group(shop: Callable[..., Path], holdfast: Run) -> None:
    config = shop([(f"c{number}", number, START, 5.0) for number in range(9)])
    holdfast("run", "--config", config)
    assert set(listed(config)["value_group"]) == {"middle third"}


def test_nobody_who_objected_or_did_not_consent_is_listed(shop: Callable[..., Path], holdfast: Run) -> None:
    config = shop(NEW_ONLY, 'customers = "customers.csv"')
    consents = [f"c{number:03},{'no' if number == 7 else 'yes'}" for number in range(60)]
    (config.parent / "customers.csv").write_text("\n".join(["customer_id,marketing_consent", *consents]) + "\n", encoding="utf-8")
    assert holdfast("suppress", "c009", "--preemptive", "--config", config)[0] == 0
    output = holdfast("run", "--config", config)[1]
    assert {"c007", "c009"}.isdisjoint(listed(config)["customer_id"])
    assert "Left out, because they objected or have not consented to marketing: 2." in output


def test_a_shop_in_which_everything_was_returned_gets_one_sentence(shop: Callable[..., Path], holdfast: Run) -> None:
    config = shop([("a", 1, START, 5.0), ("a", 1, START + timedelta(days=1), -5.0)])
    code, _, error = holdfast("train", "--config", config)
    assert code == 2
    assert "nobody has a purchase that was not returned" in error


@pytest.mark.slow
def test_a_dozen_customers_of_one_product_get_models_and_lists(shop: Callable[..., Path], holdfast: Run) -> None:
    config = shop([(f"c{number * 7 % 12}", number, START + timedelta(days=number * 3 % 110), 20.0) for number in range(40)])
    assert "Never tested: the log has no past day with enough customers and a closed window after it" in " ".join(
        holdfast("train", "--config", config)[1].split()
    )
    code, output, _ = holdfast("run", "--config", config)
    assert code == 0
    assert "12 customers scored" in output
