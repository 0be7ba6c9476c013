"""Place and time: season, cohort, tenure, region and channel of a customer, as known by the as-of date."""

from datetime import date

import polars as pl

from features.families.feature import Feature
from features.frames.columns import CUSTOMER, DAY
from features.frames.modes import modes
from features.frames.purchases import is_sale_line
from features.tables.schema import Tables

FAMILY = "context"
MONTHS_PER_YEAR = 12
NO_SOURCE = "no sale line and no customer record has one"
FEATURES = (
    Feature("as_of_month", "1 to 12", "Month of the as-of date: the season", "never", is_model_input=False, is_calendar=True),
    Feature("first_month", "1 to 12", "Month of the first purchase: the season of acquisition", is_calendar=True),
    Feature(
        "cohort", "months", "Month of the first purchase, counted from January of year 0", is_model_input=False, is_calendar=True
    ),
    Feature(
        "tenure_days",
        "days",
        "Days since the customer joined or first bought, whichever is earlier",
        "no purchase yet, and no joining date",
    ),
    Feature("region", "name", "Region of most sale lines, else the one in the customer record", NO_SOURCE, is_model_input=False),
    Feature(
        "channel", "name", "Channel of most sale lines, else the one in the customer record", NO_SOURCE, is_model_input=False
    ),
)


def context(known: Tables, occasions: pl.LazyFrame, as_of: date) -> list[pl.LazyFrame]:
    """Return frames of season, cohort, tenure, region and channel per customer with a source for them.

    `known` are EncodedTables as they were known before `as_of`; `occasions` are sorted. Ties go to the first by name.
    """
    first = pl.col(DAY).min()
    dates = occasions.group_by(CUSTOMER).agg(
        first.dt.month().alias("first_month"),
        (first.dt.year().cast(pl.Int64) * MONTHS_PER_YEAR + first.dt.month() - 1).alias("cohort"),
    )
    return [dates, _tenure(known.customers, occasions, as_of), *(_main_word(known, column) for column in ("region", "channel"))]


def _tenure(customers: pl.LazyFrame | None, occasions: pl.LazyFrame, as_of: date) -> pl.LazyFrame:
    starts = [occasions.group_by(CUSTOMER).agg(pl.col(DAY).min())]
    if customers is not None and "joined_at" in customers.collect_schema():
        starts.append(customers.drop_nulls([CUSTOMER, "joined_at"]).select(CUSTOMER, pl.col("joined_at").dt.date().alias(DAY)))
    since = (pl.lit(as_of) - pl.col(DAY).min()).dt.total_days()
    return pl.concat(starts).group_by(CUSTOMER).agg(since.alias("tenure_days"))


def _main_word(known: Tables, column: str) -> pl.LazyFrame:
    """Return the word of most sale lines; without one, that of the customers table."""
    columns = known.transactions.collect_schema().names()
    purchased = modes(known.transactions.filter(is_sale_line(columns)), column) if column in columns else None
    if known.customers is None or column not in known.customers.collect_schema():
        return pl.LazyFrame(schema={CUSTOMER: pl.UInt32, column: pl.String}) if purchased is None else purchased
    on_record = modes(known.customers.drop_nulls(CUSTOMER), column)
    if purchased is None:
        return on_record
    joined = purchased.join(on_record, on=CUSTOMER, how="full", coalesce=True, suffix="_on_record")
    return joined.select(CUSTOMER, pl.coalesce(column, f"{column}_on_record"))
