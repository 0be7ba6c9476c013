"""Check every sentence about a customer against that customer's own rows, in plain Python and without the features' code."""

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
from models.champion import current_champion
from serving.scoring.batch import score
from settings.clock import utc_now
from settings.load import load_settings

Row = dict[str, Any]
SentenceCheck = Callable[["Customer", re.Match[str]], bool]


class Customer:
    """A customer's rows in the tables before a date."""

    def __init__(self, as_of: date, rows: dict[str, list[Row]], sold: Counter[str]) -> None:
        self.as_of, self.now = as_of, datetime.combine(as_of, time.min)
        self.lines, self.cases = rows["transactions"], rows["complaints"]
        self.surveys, self.contacts = rows["surveys"], rows["contacts"]
        self.sold = sold
        self.referred = len(rows["referred"])
        self.sales = [line for line in self.lines if line["quantity"] > 0]
        self.days = sorted({line["ordered_at"].date() for line in self.sales})
        self.gaps = [(later - earlier).days for earlier, later in pairwise(self.days)]

    def days_since_last_order(self) -> int:
        return (self.as_of - self.days[-1]).days

    def spent(self, days: int) -> float:
        start = self.now - timedelta(days=days)
        return float(sum(line["amount"] for line in self.lines if line["ordered_at"] >= start))

    def brands(self) -> list[str]:
        """Return the brand with the largest net spend of each purchase in each category, ties by name."""
        spent: dict[tuple[date, str], Counter[str]] = defaultdict(Counter)
        bought: dict[tuple[date, str], set[str]] = defaultdict(set)
        for line in self.lines:
            choice = line["ordered_at"].date(), line["category"]
            spent[choice][line["brand"]] += line["amount"]
            bought[choice] |= {line["brand"]} if line["quantity"] > 0 else set()
        return [
            min(brands, key=lambda brand: (-round(spent[at][brand], 6), brand)) for at, brands in sorted(bought.items()) if brands
        ]

    def demand(self) -> float:
        """Return the geometric mean of others' order lines in the last 30 days, over the products of the last purchase."""
        last = [line["product_id"] for line in self.sales if line["ordered_at"].date() == self.days[-1]]
        own = Counter(line["product_id"] for line in recent_sales(self.sales, self.now))
        return exp(mean(log1p(self.sold[product] - own[product]) for product in last)) - 1

    def open_cases(self) -> list[Row]:
        return [case for case in self.cases if case["resolved_at"] is None or case["resolved_at"] >= self.now]

    def last_settled(self) -> Row:
        return max((case for case in self.cases if case not in self.open_cases()), key=lambda case: case["resolved_at"])

    def newest_rating(self) -> float:
        newest = max(answer["answered_at"] for answer in self.surveys)
        return mean(answer["rating"] for answer in self.surveys if answer["answered_at"] == newest)

    def treated_contacts(self) -> list[Row]:
        return [contact for contact in self.contacts if contact["treated"]]

    def unanswered(self) -> int:
        contacts = self.treated_contacts()
        answered = [c["contacted_at"] for c in contacts if c["responded_at"] is not None and c["responded_at"] < self.now]
        return sum(not answered or c["contacted_at"] > max(answered) for c in contacts)


def recent_sales(lines: list[Row], now: datetime) -> list[Row]:
    return [line for line in lines if line["ordered_at"] >= now - timedelta(days=30) and line["quantity"] > 0]


def is_close(text: str, truth: float, tolerance: float = 0.5) -> bool:
    return abs(float(text) - truth) <= tolerance + 1e-6


def is_true_spend(customer: Customer, text: re.Match[str]) -> bool:
    return is_close(text[1], customer.spent(90)) and is_close(text[2], customer.spent(365) / 4, 1.0)


def is_true_age(customer: Customer, text: re.Match[str]) -> bool:
    return is_close(text[1], (customer.as_of - min(case["opened_at"] for case in customer.open_cases()).date()).days, 1.0)


def is_true_change(customer: Customer, text: re.Match[str]) -> bool:
    early, late = (mean(brand == text[1] for brand in half) for half in halves(customer.brands()))
    return is_close(text[3], 100 * early) and is_close(text[4], 100 * late) and (text[2] == "fell") == (late < early)


def halves(brands: list[str]) -> tuple[list[str], list[str]]:
    middle = (len(brands) + 1) // 2
    return brands[:middle], brands[middle:]


def order_count(text: str) -> int:
    return {"once": 1, "twice": 2, "one": 1}.get(text) or int(text.removesuffix(" times"))


def is_true_rating(customer: Customer, text: re.Match[str]) -> bool:
    is_mean = len(text.groups()) == 1 or is_close(text[2], mean(answer["rating"] for answer in customer.surveys), 0.05)
    return is_close(text[1], customer.newest_rating(), 0.05) and is_mean


RECENT_SHARE = r"Chose (.+?)(?:, the favourite so far,)? in "

SENTENCES: dict[str, SentenceCheck] = {
    r"(?:No order for|Last order) (\d+) days?(?: ago)?; usually orders every (\d+) days?": lambda customer, t: (
        is_close(t[1], customer.days_since_last_order()) and is_close(t[2], median(customer.gaps))
    ),
    r"(?:No order for|Last order) (\d+) days?(?: ago)?; the two orders before were (\d+) days? apart": lambda customer, t: (
        is_close(t[1], customer.days_since_last_order()) and [int(t[2])] == customer.gaps
    ),
    r"No order for (\d+) days? since the only one(?:; repeat customers usually order every \d+ days?)?": lambda customer, t: (
        is_close(t[1], customer.days_since_last_order()) and len(customer.days) == 1
    ),
    r"First order only (\d+) days? ago": lambda customer, t: (
        is_close(t[1], customer.days_since_last_order()) and len(customer.days) == 1
    ),
    r"Last order only (\d+) days? ago": lambda customer, t: is_close(t[1], customer.days_since_last_order()),
    r"Usually orders only every (\d+) days": lambda customer, t: is_close(t[1], median(customer.gaps)),
    r"Only two orders so far": lambda customer, _: len(customer.days) == 2,
    r"(\d+) orders so far": lambda customer, t: int(t[1]) == len(customer.days),
    r"The last two orders were (\d+) days? apart; usually (\d+) days?": lambda customer, t: (
        is_close(t[1], customer.gaps[-1]) and is_close(t[2], median(customer.gaps))
    ),
    r"Spent (-?\d+) EUR in the last 90 days; (-?\d+) EUR in an average quarter of the last year": is_true_spend,
    r"Spent nothing in the last 90 days; (\d+) EUR in an average quarter of the last year": lambda customer, t: (
        is_close("0", customer.spent(90)) and is_close(t[1], customer.spent(365) / 4, 1.0)
    ),
    r"Spent (-?\d+) EUR in the last 90 days": lambda customer, t: is_close(t[1], customer.spent(90)),
    r"Spent nothing in the last 90 days": lambda customer, _: is_close("0", customer.spent(90)),
    r"Bought nothing in the last year": lambda customer, _: customer.days_since_last_order() > 365,
    r"Returned more than was bought in the last 90 days": lambda customer, _: customer.spent(90) < 0,
    r"Usually buys about (\d+) products per order": lambda customer, t: is_close(t[1], len(customer.sales) / len(customer.days)),
    r"Usually buys one product at a time": lambda customer, _: is_close("1", len(customer.sales) / len(customer.days)),
    r"Share of (.+) (fell|rose) from (\d+) % to (\d+) %": is_true_change,
    RECENT_SHARE + r"(?:only )?(\d+) % of the recent purchases": lambda customer, t: is_close(
        t[2], 100 * mean(brand == t[1] for brand in halves(customer.brands())[1])
    ),
    RECENT_SHARE + r"none of the recent purchases": lambda customer, t: is_close(
        "0", 100 * mean(brand == t[1] for brand in halves(customer.brands())[1])
    ),
    RECENT_SHARE + r"all recent purchases": lambda customer, t: is_close(
        "100", 100 * mean(brand == t[1] for brand in halves(customer.brands())[1])
    ),
    r"Others bought the products of the last order about (\d+) times each in the last 30 days": lambda customer, t: is_close(
        t[1], customer.demand()
    ),
    r"Hardly any other customer bought the products of the last order in the last 30 days": lambda customer, _: (
        customer.demand() <= 0.5
    ),
    r"Complaint open for (\d+) days?": is_true_age,
    r"The last settled complaint left the customer dissatisfied": lambda customer, _: (
        customer.last_settled()["satisfied"] is False
    ),
    r"The last settled complaint left the customer satisfied": lambda customer, _: (
        customer.last_settled()["satisfied"] is True and not customer.open_cases()
    ),
    r"Complained (once|twice|\d+ times)": lambda customer, t: order_count(t[1]) == len(customer.cases),
    r"No complaint on record": lambda customer, _: not customer.cases,
    r"Last rating ([\d.]+) of 5; ([\d.]+) on average": is_true_rating,
    r"Last rating ([\d.]+) of 5": is_true_rating,
    r"Referred (one|\d+) other customers?": lambda customer, t: order_count(t[1]) == customer.referred,
    r"Contacted (once|twice|\d+ times) without a response": lambda customer, t: order_count(t[1]) == customer.unanswered(),
    r"Responded to the last contact": lambda customer, _: bool(customer.treated_contacts()) and customer.unanswered() == 0,
}


@pytest.fixture(scope="module")
def reasons_and_customers(demo: Path) -> tuple[pl.DataFrame, dict[str, Customer]]:
    """Return the reasons of each customer, and the customers with their rows."""
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
    for referral in tables.present()["customers"].collect().drop_nulls("referred_by").to_dicts():
        if referral["joined_at"] is not None and referral["joined_at"].date() < as_of:
            rows[referral["referred_by"]]["referred"].append(referral)
    all_lines = [line for customer_rows in rows.values() for line in customer_rows["transactions"]]
    sold = Counter(line["product_id"] for line in recent_sales(all_lines, datetime.combine(as_of, time.min)))
    return scores.select("customer_id", "reasons"), {
        customer: Customer(as_of, customer_rows, sold) for customer, customer_rows in rows.items()
    }


def test_every_sentence_is_true_of_that_customer(reasons_and_customers: tuple[pl.DataFrame, dict[str, Customer]]) -> None:
    scores, customers = reasons_and_customers
    seen: Counter[str] = Counter()
    wrong = []
    for customer, reasons in scores.iter_rows():
        assert reasons, customer
        for text in (reason["text"] for reason in reasons):
            pattern = next((sentence for sentence in SENTENCES if re.fullmatch(sentence, text)), text)
            seen[pattern] += 1
            match = re.fullmatch(pattern, text)
            if match is None or not SENTENCES[pattern](customers[customer], match):
                wrong.append((customer, text))
    assert wrong == []
    assert len(seen) >= 8, seen


def test_the_words_of_every_sentence_point_the_way_of_its_weight(
    reasons_and_customers: tuple[pl.DataFrame, dict[str, Customer]], direction_of_words: Callable[[str], str]
) -> None:
    scores, _ = reasons_and_customers
    reasons = scores.explode("reasons").unnest("reasons")
    by_weight = pl.when(pl.col("weight") > 0).then(pl.lit("raises")).otherwise(pl.lit("lowers"))
    assert reasons.filter(pl.col("direction") != by_weight)["text"].to_list() == []
    wrong = [
        (text, direction)
        for text, direction in reasons.select("text", "direction").iter_rows()
        if direction_of_words(text) != direction
    ]
    assert wrong == []


def test_rows_at_risk_lead_with_what_raises_the_risk(demo: Path) -> None:
    issued = pl.read_csv(next((demo / "workspace" / "lists").glob("at_risk-*.csv")), infer_schema_length=0)
    assert issued.height > 0
    assert issued.filter(pl.col("reason_1").is_null() | pl.col("reason_1").str.starts_with("Lowers the risk")).height == 0
