"""`doctor` says what is right, what is wrong and what to type next, at every stage of a shop's first hour."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]


def findings(holdfast: Run, config: Path, expected_code: int = 0) -> dict[str, tuple[str, str, str | None]]:
    code, output, _ = holdfast("doctor", "--json", "--config", config)
    assert code == expected_code, output
    return {entry["part"]: (entry["state"], entry["text"], entry["next"]) for entry in json.loads(output)["findings"]}


def write_shop(folder: Path, tables: str, orders: str = "customer_id,order_id,ordered_at,amount\na,1,2026-01-01,5\n") -> Path:
    (folder / "orders.csv").write_text(orders, encoding="utf-8")
    (folder / "holdfast.toml").write_text(f"[tables]\n{tables}\n", encoding="utf-8")
    return folder / "holdfast.toml"


def test_without_a_configuration_it_says_where_one_comes_from(tmp_path: Path, holdfast: Run) -> None:
    by_part = findings(holdfast, tmp_path / "none.toml", 2)
    assert set(by_part) == {"version", "configuration"}
    assert by_part["configuration"][0] == "wrong"
    assert "There is no configuration file at" in by_part["configuration"][1]


def test_a_new_shop_is_led_to_its_first_list(tmp_path: Path, holdfast: Run) -> None:
    config = write_shop(tmp_path, 'transactions = "orders.csv"')
    by_part = findings(holdfast, config)
    assert by_part["table transactions"] == ("good", "1 file with customer_id, order_id, ordered_at, amount", None)
    assert by_part["checks"][2] == "holdfast validate"
    assert by_part["champion"][2] == "holdfast train"
    assert by_part["store"][2] == "holdfast train, then holdfast run"
    assert not (tmp_path / "workspace").exists()  # it changes nothing
    output = holdfast("doctor", "--config", config)[1]
    assert output.endswith("Next: holdfast validate.\n")


@pytest.mark.parametrize(
    ("tables", "orders", "part", "text"),
    [
        ('transactions = "missing.csv"', "", "table transactions", "there is no file"),
        ('transactions = "orders.csv"', "customer_id,amount\na,5\n", "table transactions", "the column order_id is missing"),
        (
            'transactions = "orders.csv"\nsurveys = {url = "postgresql://me:Pl4nted@127.0.0.1:1/x", query = "select 1"}',
            "customer_id,order_id,ordered_at,amount\n",
            "table surveys",
            "the database of the query cannot be reached",
        ),
    ],
)
def test_a_source_that_cannot_be_used_is_named(
    tmp_path: Path, holdfast: Run, tables: str, orders: str, part: str, text: str
) -> None:
    by_part = findings(holdfast, write_shop(tmp_path, tables, orders), 2)
    assert by_part[part][0] == "wrong"
    assert text in by_part[part][1]
    assert "Pl4nted" not in str(by_part)


def test_a_stopped_table_and_a_damaged_champion_are_wrong(workshop: Path, holdfast: Run) -> None:
    by_part = findings(holdfast, workshop)
    assert {part for part, finding in by_part.items() if finding[0] == "look"} == {"scores", "champion"}  # of 2025
    assert "load newer tables" in str(by_part["scores"][2])
    champion = workshop.parent / "workspace" / "champion"
    name = (champion / "CURRENT").read_text(encoding="utf-8").strip()
    (champion / name / "champion.json").write_text("{", encoding="utf-8")
    orders = workshop.parent / "data" / "transactions.parquet"
    orders.write_bytes(orders.read_bytes()[:100])
    assert holdfast("validate", "--config", workshop)[0] == 1
    by_part = findings(holdfast, workshop, 2)
    assert {part for part, finding in by_part.items() if finding[0] == "wrong"} == {"table transactions", "checks", "champion"}
    assert "stopped transactions" in by_part["checks"][1]
