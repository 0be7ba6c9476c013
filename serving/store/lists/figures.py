"""The columns of issued lists from which figures are computed, under keyed hashes of the customers."""

import polars as pl
import sqlalchemy as sa

from features.frames.columns import CUSTOMER
from serving.store.read import read_frame
from serving.store.schema import LIST_ROWS

FACETS = ("loyalty_segment", "lifecycle_stage", "region", "action")
SUM_COLUMNS = ("value_at_risk", "expected_gain", "action_cost", "averted")
FIGURE_COLUMNS: dict[str, pl.DataType] = {
    "rank": pl.UInt32(),
    "customer_id": pl.String(),
    **dict.fromkeys(("arm", *FACETS, "channel", "owner", "basis"), pl.String()),
    **dict.fromkeys((*SUM_COLUMNS, "p_churn", "expected_value"), pl.Float64()),
}
ID_ORDER = "id_order"


def read_figure_rows(engine: sa.Engine, list_id: str, hashed_id: pl.Expr) -> pl.DataFrame:
    """Return FIGURE_COLUMNS of every row of a list, from which its figures are computed; the id of an erased customer is null.

    `hashed_id` replaces the customer id by its keyed hash; ID_ORDER, the place of each id in the order of ids, is added before.
    """
    query = sa.select(*(LIST_ROWS.c[name] for name in FIGURE_COLUMNS)).where(LIST_ROWS.c.list_id == list_id)
    with engine.connect() as connection:
        rows = read_frame(connection, query, FIGURE_COLUMNS)
    return rows.with_columns(hashed_id.alias(CUSTOMER), pl.col(CUSTOMER).rank("ordinal").alias(ID_ORDER))
