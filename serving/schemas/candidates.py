"""What lists ask of a run's customers beyond their scores; kept beside the scores, and not part of them."""

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
LISTED = (Target.RECOVERY, Target.RETENTION, Target.WIN_BACK)


def averted_json(measured: Mapping[str, pl.Series], rows: int) -> pl.Series:
    """Return the column `averted` from what was measured of each action."""
    if not measured:
        return pl.Series("averted", [None] * rows, dtype=pl.String)
    return pl.DataFrame(dict(measured)).select(pl.struct(pl.all()).struct.json_encode().alias("averted")).to_series()


def targets_of(everyone: pl.DataFrame) -> pl.DataFrame:
    """Return TARGET_COLUMNS of the customers who are targets of a list, by customer_id.

    `contacted_days` is how long ago the newest contact was; `averted` what was measured for each action, as JSON, null where
    nothing was.
    """
    if "target" not in everyone.columns:  # nobody has bought yet
        return pl.DataFrame(schema=TARGET_COLUMNS)
    rows = everyone.filter(pl.col("target").is_in([each.value for each in LISTED])).rename(
        {"last_contact_days": "contacted_days"}
    )
    there = set(rows.columns)
    columns = (
        (pl.col(name) if name in there else pl.lit(None)).cast(dtype).alias(name) for name, dtype in TARGET_COLUMNS.items()
    )
    return rows.sort(CUSTOMER).select(columns)
