"""What the shop writes down of a week: order lines, complaints, surveys, contacts and customers."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from holdfast.demo.simulated.catalogue import (
    BRANDS_PER_CATEGORY,
    CATEGORIES,
    DIMENSIONS,
    PRODUCTS_PER_BRAND,
    REGIONS,
    STORES_PER_REGION,
    TOPICS,
    brand_names,
    prices,
)
from holdfast.demo.simulated.population import Floats, Ints, Population
from holdfast.demo.simulated.world import SETTLED_BADLY, Week

START = datetime(2023, 1, 2)  # noqa: DTZ001  # the tables hold UTC without a zone; a Monday
HARD_CORE, SPLIT, SHIFTING, SWITCHER = range(4)
SURE_THING = 1
RETURNED = 0.03
SURVEYED = 0.10
MINUTES_PER_WEEK = 7 * 24 * 60
OPENING_MINUTES = 8 * 60, 20 * 60


def customer_ids(index: Ints) -> pl.Series:
    """Ids with leading zeros, as shops have them."""
    return pl.Series("customer_id", index.astype(np.int64) + 1).cast(pl.String).str.zfill(6)


def week_tables(people: Population, happened: Week, held_out: Ints, contact: Mapping[str, object]) -> dict[str, pl.DataFrame]:
    """Return the rows of transactions, complaints, surveys and contacts that a week adds.

    `held_out` are the customers that a campaign of this week chose and left alone; `contact` gives the
    campaign's columns. Returned goods and settled cases carry their own, later, dates.
    """
    rng = np.random.default_rng([people.seed, 3, happened.week])
    return {
        "transactions": _order_lines(people, happened, rng),
        "complaints": _complaints(happened, rng),
        "surveys": _surveys(happened, rng),
        "contacts": _contacts(people, happened, held_out, contact, rng),
    }


def customers_table(people: Population, week: int) -> pl.DataFrame:
    """Return who has joined before `week`."""
    here = np.flatnonzero(people.joined < week)
    brought = pl.select(
        pl.when(pl.Series(people.referrer[here] >= 0)).then(customer_ids(np.maximum(people.referrer[here], 0)))
    ).to_series()
    return pl.DataFrame(
        {
            "customer_id": customer_ids(here),
            "joined_at": _days(people.joined[here]),
            "region": np.array(REGIONS)[people.region[here]],
            "channel": np.where(people.online[here] > 0.5, "online", "store"),
            "referred_by": brought,
            "partner": people.partner[here],
            "marketing_consent": people.consent[here],
        }
    )


def moment(week: Ints, rng: np.random.Generator) -> pl.Series:
    """Return a moment within each of the weeks, in opening hours."""
    minutes = rng.integers(0, 7, len(week)) * 24 * 60 + rng.integers(*OPENING_MINUTES, len(week))
    return (
        pl.DataFrame({"day": _days(week), "minutes": minutes}).select(pl.col("day") + pl.duration(minutes="minutes")).to_series()
    )


def _numbered(prefix: str, count: int) -> pl.Series:
    return prefix + "-" + pl.Series(np.arange(count)).cast(pl.String).str.zfill(6)


def _days(week: Ints) -> pl.Series:
    weeks = pl.DataFrame({"week": week.astype(np.int64)})
    return weeks.select(pl.lit(START).cast(pl.Datetime("us")) + pl.duration(weeks="week")).to_series()


def _order_lines(people: Population, happened: Week, rng: np.random.Generator) -> pl.DataFrame:
    buyers = happened.ordered
    orders = pl.DataFrame(
        {
            "order": np.arange(len(buyers)),
            "ordered_at": moment(np.full(len(buyers), happened.week), rng),
            "order_id": _numbered(f"S{happened.week:03d}", len(buyers)),
            "channel": np.where(rng.random(len(buyers)) < people.online[buyers], "online", "store"),
            "store": people.region[buyers] * STORES_PER_REGION + rng.integers(0, STORES_PER_REGION, len(buyers)),
        }
    )
    order = np.repeat(np.arange(len(buyers)), 1 + rng.poisson(1.2, len(buyers)))
    who = buyers[order]
    category = _categories(people.categories[who], rng)
    brand = _brands(people, who, category, happened.week, rng)
    product = rng.integers(0, PRODUCTS_PER_BRAND, len(who))
    quantity = 1 + rng.poisson(0.6 * people.spend[who])
    discount = np.where(rng.random(len(who)) < 0.15, rng.choice([0.1, 0.2, 0.3], len(who)), 0.0)
    price = prices()[category, brand, product]
    lines = pl.DataFrame(
        {
            "customer_id": customer_ids(who),
            "order": order,
            "amount": np.round(price * quantity * (1 - discount), 2),
            "quantity": quantity.astype(np.float64),
            "product_id": pl.Series(100 * category + 10 * brand + product).cast(pl.String),
            "brand": brand_names()[category, brand],
            "category": np.array(CATEGORIES)[category],
            "region": np.array(REGIONS)[people.region[who]],
            "discount": discount,
            "unit_price": price,
            "returned_after": np.where(rng.random(len(who)) < RETURNED, rng.integers(3, 15, len(who)), -1),
        }
    )
    return _with_returns(lines.join(orders, on="order", maintain_order="left"))


def _with_returns(lines: pl.DataFrame) -> pl.DataFrame:
    back = lines.filter(pl.col("returned_after") > 0).with_columns(
        pl.col("ordered_at") + pl.duration(days="returned_after"),
        -pl.col("amount"),
        -pl.col("quantity"),
        ("R" + pl.col("order_id")).alias("order_id"),
    )
    store = pl.when(pl.col("channel") == "online").then(pl.lit("online")).otherwise(pl.format("store {}", pl.col("store") + 1))
    columns = (
        "customer_id",
        "order_id",
        "ordered_at",
        "amount",
        "quantity",
        "product_id",
        "brand",
        "category",
        "channel",
        "region",
    )
    return pl.concat([lines, back]).select(*columns, store.alias("store"), "discount", "unit_price")


def _categories(shares: Floats, rng: np.random.Generator) -> Ints:
    picked = (shares.cumsum(axis=1) < rng.random(len(shares))[:, None]).sum(axis=1)
    category: Ints = np.minimum(picked, len(CATEGORIES) - 1)
    return category


def _brands(people: Population, who: Ints, category: Ints, week: int, rng: np.random.Generator) -> Ints:
    """Choose a brand per line by the customer's loyalty type; five in a hundred choices are anybody's."""
    first, second, third = people.favourites[who, category].T
    kind, luck = people.loyalty[who], rng.random(len(who))
    split = np.where(luck < 0.5, first, np.where(luck < 0.9, second, third))
    shifted = np.where(week < people.shift_week[who], first, second)
    anything = rng.integers(0, BRANDS_PER_CATEGORY, len(who))
    loyal = np.select([kind == HARD_CORE, kind == SPLIT, kind == SHIFTING], [first, split, shifted], anything)
    return np.where(rng.random(len(who)) < 0.05, anything, loyal)


def _complaints(happened: Week, rng: np.random.Generator) -> pl.DataFrame:
    count = len(happened.opened)
    opened = moment(np.full(count, happened.week), rng)
    cases = pl.DataFrame(
        {
            "complaint_id": _numbered(f"K{happened.week:03d}", count),
            "customer_id": customer_ids(happened.opened),
            "opened_at": opened,
            "channel": rng.choice(["phone", "email", "store"], count),
            "topic": rng.choice(TOPICS, count),
            "weeks": happened.opened_settles_in,
            "contacts_to_resolve": 1 + rng.poisson(0.5 * happened.opened_settles_in),
            "satisfied": happened.opened_settles_well,
        }
    )
    resolved = (pl.col("opened_at") + pl.duration(weeks="weeks")).alias("resolved_at")
    return cases.select(
        "complaint_id", "customer_id", "opened_at", "channel", "topic", resolved, "contacts_to_resolve", "satisfied"
    )


def _surveys(happened: Week, rng: np.random.Generator) -> pl.DataFrame:
    asked = happened.ordered[rng.random(len(happened.ordered)) < SURVEYED]
    lasting = happened.mood[asked] / SETTLED_BADLY
    rating = np.clip(np.round(4.2 - 1.6 * lasting + rng.normal(0, 0.7, len(asked))), 1, 5)
    return pl.DataFrame(
        {
            "customer_id": customer_ids(asked),
            "answered_at": moment(np.full(len(asked), happened.week), rng),
            "rating": rating,
            "dimension": rng.choice(DIMENSIONS, len(asked)),
            "expectation": np.clip(np.round(rng.normal(4.0, 0.6, len(asked))), 1, 5),
        }
    )


def _contacts(
    people: Population, happened: Week, held_out: Ints, contact: Mapping[str, object], rng: np.random.Generator
) -> pl.DataFrame:
    chosen = np.concatenate([happened.contacted, held_out])
    treated = np.arange(len(chosen)) < len(happened.contacted)
    when = _days(np.full(len(chosen), happened.week)) + timedelta(hours=9)
    responded = np.isin(chosen, happened.ordered) & treated & (people.response[chosen] <= SURE_THING)
    minutes = rng.integers(60, MINUTES_PER_WEEK - OPENING_MINUTES[0], len(chosen))
    rows = pl.DataFrame(
        {
            "customer_id": customer_ids(chosen),
            "contacted_at": when,
            "treated": treated,
            "responded": responded,
            "minutes": minutes,
        }
    )
    answered = pl.when("responded").then(pl.col("contacted_at") + pl.duration(minutes="minutes")).alias("responded_at")
    return rows.select(
        "customer_id", "contacted_at", "treated", answered, *(pl.lit(value).alias(name) for name, value in contact.items())
    )
