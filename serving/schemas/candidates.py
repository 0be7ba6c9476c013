"""The columns that lists need beyond the scores; stored beside the scores of a run, and not part of them."""

from collections.abc import Mapping

import polars as pl

from features.frames.columns import CUSTOMER
from serving.targeting.rules import Target

TARGET_COLUMNS: dict[str, pl.DataType] = {
    "customer_id": pl.String(),
    "target": pl.String(),
    "barred": pl.String(),
    "contacted_days": pl.Int64(),
    "household": pl.Int64(),
    "contact_point": pl.Int64(),
    "region": pl.String(),
    "averted": pl.String(),
}
LISTED_TARGETS = (Target.RECOVERY, Target.RETENTION, Target.WIN_BACK)


def averted_json(effects: Mapping[str, pl.Series], rows: int) -> pl.Series:
    """Return the column `averted`: the measured effects of the actions as JSON, null if no effect was measured."""
    if not effects:
        return pl.Series("averted", [None] * rows, dtype=pl.String)
    return pl.DataFrame(dict(effects)).select(pl.struct(pl.all()).struct.json_encode().alias("averted")).to_series()


def build_targets(customers: pl.DataFrame) -> pl.DataFrame:
    """Return TARGET_COLUMNS of the customers whose target has a list, by customer_id.

    `contacted_days` is the number of days since the newest contact. A column that `customers` lacks is null.
    """
    if "target" not in customers.columns:  # no customer has bought yet
        return pl.DataFrame(schema=TARGET_COLUMNS)
    is_listed = pl.col("target").is_in([target.value for target in LISTED_TARGETS])
    rows = customers.filter(is_listed).rename({"last_contact_days": "contacted_days"})
    present = set(rows.columns)
    columns = (
        (pl.col(name) if name in present else pl.lit(None)).cast(dtype).alias(name) for name, dtype in TARGET_COLUMNS.items()
    )
    return rows.sort(CUSTOMER).select(columns)
