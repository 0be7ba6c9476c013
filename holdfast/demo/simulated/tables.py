"""Build the shop's records of a week: order lines, complaints, surveys, contacts and customers."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from features.frames.arrays import Array, IntArray
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
from holdfast.demo.simulated.population import Population
from holdfast.demo.simulated.world import SETTLED_BADLY, WeekEvents

START = datetime(2023, 1, 2)  # noqa: DTZ001  # the tables hold UTC without a zone; a Monday
HARD_CORE, SPLIT, SHIFTING, SWITCHER = range(4)
SURE_THING = 1
RETURN_RATE = 0.03
SURVEY_RATE = 0.10
MINUTES_PER_WEEK = 7 * 24 * 60
OPENING_MINUTES = 8 * 60, 20 * 60


def customer_ids(index: IntArray) -> pl.Series:
    """Return customer ids with leading zeros, as many shops use them."""
    return pl.Series("customer_id", index.astype(np.int64) + 1).cast(pl.String).str.zfill(6)


def week_tables(
    people: Population, events: WeekEvents, held_out: IntArray, contact: Mapping[str, object]
) -> dict[str, pl.DataFrame]:
    """Return the rows that a week adds to transactions, complaints, surveys and contacts.

    `held_out` is the control group of this week's campaign, and `contact` holds the campaign's columns. Returned
    goods and settled cases have their own, later dates.
    """
    rng = np.random.default_rng([people.seed, 3, events.week])
    return {
        "transactions": _order_lines(people, events, rng),
        "complaints": _complaints(events, rng),
        "surveys": _surveys(events, rng),
        "contacts": _contacts(people, events, held_out, contact, rng),
    }


def customers_table(people: Population, week: int) -> pl.DataFrame:
    """Return one row per customer who joined before `week`."""
    joined = np.flatnonzero(people.joined_week < week)
    referred_by = pl.select(
        pl.when(pl.Series(people.referrer[joined] >= 0)).then(customer_ids(np.maximum(people.referrer[joined], 0)))
    ).to_series()
    return pl.DataFrame(
        {
            "customer_id": customer_ids(joined),
            "joined_at": _week_starts(people.joined_week[joined]),
            "region": np.array(REGIONS)[people.region[joined]],
            "channel": np.where(people.online_share[joined] > 0.5, "online", "store"),
            "referred_by": referred_by,
            "partner": people.is_partner[joined],
            "marketing_consent": people.has_consent[joined],
        }
    )


def _draw_times(week: IntArray, rng: np.random.Generator) -> pl.Series:
    """Draw a random time in opening hours for each of the weeks."""
    minutes = rng.integers(0, 7, len(week)) * 24 * 60 + rng.integers(*OPENING_MINUTES, len(week))
    times = pl.DataFrame({"monday": _week_starts(week), "minutes": minutes})
    return times.select(pl.col("monday") + pl.duration(minutes="minutes")).to_series()


def _number_ids(prefix: str, count: int) -> pl.Series:
    return prefix + "-" + pl.Series(np.arange(count)).cast(pl.String).str.zfill(6)


def _week_starts(week: IntArray) -> pl.Series:
    weeks = pl.DataFrame({"week": week.astype(np.int64)})
    return weeks.select(pl.lit(START).cast(pl.Datetime("us")) + pl.duration(weeks="week")).to_series()


def _order_lines(people: Population, events: WeekEvents, rng: np.random.Generator) -> pl.DataFrame:
    buyers = events.ordered
    orders = pl.DataFrame(
        {
            "order": np.arange(len(buyers)),
            "ordered_at": _draw_times(np.full(len(buyers), events.week), rng),
            "order_id": _number_ids(f"S{events.week:03d}", len(buyers)),
            "channel": np.where(rng.random(len(buyers)) < people.online_share[buyers], "online", "store"),
            "store": people.region[buyers] * STORES_PER_REGION + rng.integers(0, STORES_PER_REGION, len(buyers)),
        }
    )
    order = np.repeat(np.arange(len(buyers)), 1 + rng.poisson(1.2, len(buyers)))
    customer = buyers[order]
    category = _draw_categories(people.category_shares[customer], rng)
    brand = _draw_brands(people, customer, category, events.week, rng)
    product = rng.integers(0, PRODUCTS_PER_BRAND, len(customer))
    quantity = 1 + rng.poisson(0.6 * people.spend_scale[customer])
    discount = np.where(rng.random(len(customer)) < 0.15, rng.choice([0.1, 0.2, 0.3], len(customer)), 0.0)
    price = prices()[category, brand, product]
    lines = pl.DataFrame(
        {
            "customer_id": customer_ids(customer),
            "order": order,
            "amount": np.round(price * quantity * (1 - discount), 2),
            "quantity": quantity.astype(np.float64),
            "product_id": pl.Series(100 * category + 10 * brand + product).cast(pl.String),
            "brand": brand_names()[category, brand],
            "category": np.array(CATEGORIES)[category],
            "region": np.array(REGIONS)[people.region[customer]],
            "discount": discount,
            "unit_price": price,
            "returned_after": np.where(rng.random(len(customer)) < RETURN_RATE, rng.integers(3, 15, len(customer)), -1),
        }
    )
    return _with_returns(lines.join(orders, on="order", maintain_order="left"))


def _with_returns(lines: pl.DataFrame) -> pl.DataFrame:
    returns = lines.filter(pl.col("returned_after") > 0).with_columns(
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
    return pl.concat([lines, returns]).select(*columns, store.alias("store"), "discount", "unit_price")


def _draw_categories(shares: Array, rng: np.random.Generator) -> IntArray:
    picked = (shares.cumsum(axis=1) < rng.random(len(shares))[:, None]).sum(axis=1)
    category: IntArray = np.minimum(picked, len(CATEGORIES) - 1)
    return category


def _draw_brands(people: Population, customer: IntArray, category: IntArray, week: int, rng: np.random.Generator) -> IntArray:
    """Draw a brand per line by the customer's loyalty type; 5 % of the choices are random."""
    first, second, third = people.favourites[customer, category].T
    loyalty_type, draw = people.loyalty_type[customer], rng.random(len(customer))
    split_choice = np.where(draw < 0.5, first, np.where(draw < 0.9, second, third))
    shifting_choice = np.where(week < people.shift_week[customer], first, second)
    any_brand = rng.integers(0, BRANDS_PER_CATEGORY, len(customer))
    preferred = np.select(
        [loyalty_type == HARD_CORE, loyalty_type == SPLIT, loyalty_type == SHIFTING],
        [first, split_choice, shifting_choice],
        any_brand,
    )
    return np.where(rng.random(len(customer)) < 0.05, any_brand, preferred)


def _complaints(events: WeekEvents, rng: np.random.Generator) -> pl.DataFrame:
    count = len(events.opened)
    opened_at = _draw_times(np.full(count, events.week), rng)
    cases = pl.DataFrame(
        {
            "complaint_id": _number_ids(f"K{events.week:03d}", count),
            "customer_id": customer_ids(events.opened),
            "opened_at": opened_at,
            "channel": rng.choice(["phone", "email", "store"], count),
            "topic": rng.choice(TOPICS, count),
            "weeks": events.weeks_to_settle,
            "contacts_to_resolve": 1 + rng.poisson(0.5 * events.weeks_to_settle),
            "satisfied": events.settles_well,
        }
    )
    resolved_at = (pl.col("opened_at") + pl.duration(weeks="weeks")).alias("resolved_at")
    return cases.select(
        "complaint_id", "customer_id", "opened_at", "channel", "topic", resolved_at, "contacts_to_resolve", "satisfied"
    )


def _surveys(events: WeekEvents, rng: np.random.Generator) -> pl.DataFrame:
    surveyed = events.ordered[rng.random(len(events.ordered)) < SURVEY_RATE]
    dissatisfaction = events.dissatisfaction[surveyed] / SETTLED_BADLY
    rating = np.clip(np.round(4.2 - 1.6 * dissatisfaction + rng.normal(0, 0.7, len(surveyed))), 1, 5)
    return pl.DataFrame(
        {
            "customer_id": customer_ids(surveyed),
            "answered_at": _draw_times(np.full(len(surveyed), events.week), rng),
            "rating": rating,
            "dimension": rng.choice(DIMENSIONS, len(surveyed)),
            "expectation": np.clip(np.round(rng.normal(4.0, 0.6, len(surveyed))), 1, 5),
        }
    )


def _contacts(
    people: Population, events: WeekEvents, held_out: IntArray, contact: Mapping[str, object], rng: np.random.Generator
) -> pl.DataFrame:
    selected = np.concatenate([events.contacted, held_out])
    treated = np.arange(len(selected)) < len(events.contacted)
    contacted_at = _week_starts(np.full(len(selected), events.week)) + timedelta(hours=9)
    responded = np.isin(selected, events.ordered) & treated & (people.contact_response[selected] <= SURE_THING)
    minutes = rng.integers(60, MINUTES_PER_WEEK - OPENING_MINUTES[0], len(selected))
    rows = pl.DataFrame(
        {
            "customer_id": customer_ids(selected),
            "contacted_at": contacted_at,
            "treated": treated,
            "responded": responded,
            "minutes": minutes,
        }
    )
    responded_at = pl.when("responded").then(pl.col("contacted_at") + pl.duration(minutes="minutes")).alias("responded_at")
    return rows.select(
        "customer_id", "contacted_at", "treated", responded_at, *(pl.lit(value).alias(name) for name, value in contact.items())
    )
