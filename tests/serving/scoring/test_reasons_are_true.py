"""Every sentence about a customer is checked against that customer's own rows, in plain Python, not by the features' code."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from math import exp, log1p
from pathlib import Path
from statistics import mean, median
from typing import Any

import polars as pl
import pytest

from expectations.validation.gate import load_tables
from expectations.validation.tables import utc_now
from models.champion import current_champion
from serving.scoring.batch import score
from settings.load import load_settings

Row = dict[str, Any]
Check = Callable[["Customer", re.Match[str]], bool]


class Customer:
    """What the tables said of one customer before a date."""

    def __init__(self, as_of: date, rows: dict[str, list[Row]], sold: Counter[str]) -> None:
        self.as_of, self.now = as_of, datetime.combine(as_of, time.min)
        self.lines, self.cases = rows["transactions"], rows["complaints"]
        self.surveys, self.contacts = rows["surveys"], rows["contacts"]
        self.sold = sold
        self.brought = len(rows["brought"])
        self.sales = [line for line in self.lines if line["quantity"] > 0]
        self.days = sorted({line["ordered_at"].date() for line in self.sales})
        self.gaps = [(later - earlier).days for earlier, later in pairwise(self.days)]

    def silent(self) -> int:
        return (self.as_of - self.days[-1]).days

    def spent(self, days: int) -> float:
        start = self.now - timedelta(days=days)
        return float(sum(line["amount"] for line in self.lines if line["ordered_at"] >= start))

    def brands(self) -> list[str]:
        """The brand with the largest net spend of each purchase in each category, ties by name."""
        spent: dict[tuple[date, str], Counter[str]] = defaultdict(Counter)
        bought: dict[tuple[date, str], set[str]] = defaultdict(set)
        for line in self.lines:
            choice = line["ordered_at"].date(), line["category"]
            spent[choice][line["brand"]] += line["amount"]
            bought[choice] |= {line["brand"]} if line["quantity"] > 0 else set()
        return [
            min(brands, key=lambda brand: (-round(spent[at][brand], 6), brand)) for at, brands in sorted(bought.items()) if brands
        ]

    def wanted(self) -> float:
        """How often others bought what was in the last purchase: a typical number of lines in the last 30 days."""
        last = [line["product_id"] for line in self.sales if line["ordered_at"].date() == self.days[-1]]
        own = Counter(line["product_id"] for line in recent(self.sales, self.now))
        return exp(mean(log1p(self.sold[product] - own[product]) for product in last)) - 1

    def open_cases(self) -> list[Row]:
        return [case for case in self.cases if case["resolved_at"] is None or case["resolved_at"] >= self.now]

    def last_settled(self) -> Row:
        return max((case for case in self.cases if case not in self.open_cases()), key=lambda case: case["resolved_at"])

    def newest_rating(self) -> float:
        newest = max(answer["answered_at"] for answer in self.surveys)
        return mean(answer["rating"] for answer in self.surveys if answer["answered_at"] == newest)

    def reached(self) -> list[Row]:
        return [contact for contact in self.contacts if contact["treated"]]

    def unanswered(self) -> int:
        answered = [c["contacted_at"] for c in self.reached() if c["responded_at"] is not None and c["responded_at"] < self.now]
        return sum(not answered or c["contacted_at"] > max(answered) for c in self.reached())


def recent(lines: list[Row], now: datetime) -> list[Row]:
    return [line for line in lines if line["ordered_at"] >= now - timedelta(days=30) and line["quantity"] > 0]


def near(found: str, truth: float, by: float = 0.5) -> bool:
    return abs(float(found) - truth) <= by + 1e-6


def whole(one: Customer, text: re.Match[str]) -> bool:
    return near(text[1], one.spent(90)) and near(text[2], one.spent(365) / 4, 1.0)


def open_since(one: Customer, text: re.Match[str]) -> bool:
    return near(text[1], (one.as_of - min(case["opened_at"] for case in one.open_cases()).date()).days, 1.0)


def fell_or_rose(one: Customer, text: re.Match[str]) -> bool:
    found = one.brands()
    early, late = (mean(brand == text[1] for brand in half) for half in halves(found))
    return near(text[3], 100 * early) and near(text[4], 100 * late) and (text[2] == "fell") == (late < early)


def halves(brands: list[str]) -> tuple[list[str], list[str]]:
    middle = (len(brands) + 1) // 2
    return brands[:middle], brands[middle:]


SENTENCES: dict[str, Check] = {
    r"No order for (\d+) days?; usually orders every (\d+) days?": lambda one, t: (
        near(t[1], one.silent()) and near(t[2], median(one.gaps))
    ),
    r"No order for (\d+) days?; the two orders before were (\d+) days? apart": lambda one, t: (
        near(t[1], one.silent()) and [int(t[2])] == one.gaps
    ),
    r"No order for (\d+) days? since the only one": lambda one, t: near(t[1], one.silent()) and len(one.days) == 1,
    r"The last two orders were (\d+) days? apart; usually (\d+) days?": lambda one, t: (
        near(t[1], one.gaps[-1]) and near(t[2], median(one.gaps))
    ),
    r"Spent (-?\d+) EUR in the last 90 days; (-?\d+) EUR in an average quarter of the last year": whole,
    r"Spent (-?\d+) EUR in the last 90 days": lambda one, t: near(t[1], one.spent(90)),
    r"Returned more than was bought in the last 90 days": lambda one, _: one.spent(90) < 0,
    r"Buys ([\d.]+) lines per order": lambda one, t: near(t[1], len(one.sales) / len(one.days), 0.05),
    r"Share of (.+) (fell|rose) from (\d+) % to (\d+) %": fell_or_rose,
    r"Chose (.+) in (\d+) % of the recent purchases": lambda one, t: near(
        t[2], 100 * mean(brand == t[1] for brand in halves(one.brands())[1])
    ),
    r"Others bought the products of the last order about (\d+) time\(s\) each in the last 30 days": lambda one, t: near(
        t[1], one.wanted()
    ),
    r"Hardly anybody else bought the products of the last order lately": lambda one, _: one.wanted() <= 0.5,
    r"Complaint open for (\d+) days?": open_since,
    r"The last settled complaint left the customer dissatisfied": lambda one, _: one.last_settled()["satisfied"] is False,
    r"The last settled complaint left the customer satisfied": lambda one, _: one.last_settled()["satisfied"] is True,
    r"Complained (\d+) time\(s\)": lambda one, t: near(t[1], len(one.cases)),
    r"No complaint on record": lambda one, _: not one.cases,
    r"Last rating ([\d.]+) of 5; ([\d.]+) on average": lambda one, t: (
        near(t[1], one.newest_rating(), 0.05) and near(t[2], mean(answer["rating"] for answer in one.surveys), 0.05)
    ),
    r"Brought (\d+) other customer\(s\)": lambda one, t: near(t[1], one.brought),
    r"Last rating ([\d.]+) of 5": lambda one, t: near(t[1], one.newest_rating(), 0.05),
    r"Contacted (\d+) time\(s\) without a response since the last one": lambda one, t: near(t[1], one.unanswered()),
    r"Last contacted (\d+) days? ago": lambda one, t: near(
        t[1], (one.as_of - max(contact["contacted_at"] for contact in one.reached()).date()).days, 1.0
    ),
}


@pytest.fixture(scope="module")
def told(demo: Path) -> tuple[pl.DataFrame, dict[str, Customer]]:
    """Reasons by customer, and the customers as the tables show them."""
    settings = load_settings(demo / "holdfast.toml", {})
    tables, _ = load_tables(settings, utc_now())
    champion = current_champion(settings.workspace.path / "champion")
    as_of = champion.terms.trained_as_of
    scores = score(settings, tables, champion, as_of, datetime(2026, 1, 1)).filter(pl.col("no_score_reason").is_null())
    rows: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    dated = {"transactions": "ordered_at", "complaints": "opened_at", "surveys": "answered_at", "contacts": "contacted_at"}
    for name, when in dated.items():
        for row in tables.present()[name].collect().filter(pl.col(when) < datetime.combine(as_of, time.min)).to_dicts():
            rows[row["customer_id"]][name].append(row)
    for person in tables.present()["customers"].collect().drop_nulls("referred_by").to_dicts():
        if person["joined_at"] is not None and person["joined_at"].date() < as_of:
            rows[person["referred_by"]]["brought"].append(person)
    every = [line for of_one in rows.values() for line in of_one["transactions"]]
    sold = Counter(line["product_id"] for line in recent(every, datetime.combine(as_of, time.min)))
    return scores.select("customer_id", "reasons"), {who: Customer(as_of, found, sold) for who, found in rows.items()}


def test_every_sentence_is_true_of_that_customer(told: tuple[pl.DataFrame, dict[str, Customer]]) -> None:
    scores, customers = told
    seen: Counter[str] = Counter()
    wrong = []
    for who, reasons in scores.iter_rows():
        assert reasons, who
        for text in (reason["text"] for reason in reasons):
            pattern = next((each for each in SENTENCES if re.fullmatch(each, text)), text)
            seen[pattern] += 1
            match = re.fullmatch(pattern, text)
            if match is None or not SENTENCES[pattern](customers[who], match):
                wrong.append((who, text))
    assert wrong == []
    assert len(seen) >= 8, seen
