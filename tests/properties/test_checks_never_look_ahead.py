"""Later rows never change which earlier rows are used, and the numbers of rows always add up."""

import tempfile
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expectations.validation.table import measure_table
from features.tables.schema import ALL_TABLES
from settings.load import load_settings

NOW = datetime(2026, 1, 1)
HEADER = "customer_id,order_id,ordered_at,amount,quantity,brand"
CELLS = (
    st.sampled_from(["007", "7", "", "  ", "\ufffd", '"', 'a"b', "x" * 300, "a,b", "\x07"]),
    st.sampled_from(["1", "", "2"]),
    st.sampled_from(["2025-01-01", "2025-13-01", "1970-01-01", "2999-01-01", "", "01/02/2025", "2025-01-01T00:00+02:00"]),
    st.sampled_from(["5", "-5", "1e300", "nan", "", "1,5", "1e11", "0"]),
    st.sampled_from(["1", "-1", "", "one"]),
    st.sampled_from(["b", "", "\ufffd", '"two', "\x00"]),
)
ROWS = st.lists(st.tuples(*CELLS).map(",".join), max_size=12)
GOOD = "9,9,2025-01-02,5,1,b"


def check_orders(rows: list[str]) -> tuple[list[tuple[object, ...]], int, int, int]:
    """Return the good rows in order, and the numbers of rows read, used and quarantined."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "orders.csv").write_bytes("\n".join([HEADER, *rows, ""]).encode())
        (folder / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\n')
        measured = measure_table(load_settings(folder / "holdfast.toml", {}), ALL_TABLES["transactions"], [], NOW)
        assert measured.filter_result is not None
        good = pl.read_parquet(folder / "workspace" / "tables" / "transactions.parquet")
        quarantined = pl.read_parquet(folder / "workspace" / "quarantine" / "transactions.parquet")
        assert (good.height, quarantined.height) == (measured.used, sum(measured.rows_by_rule.values()))
        return good.rows(), measured.filter_result.read, good.height, quarantined.height


@given(ROWS, ROWS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@pytest.mark.slow
def test_later_rows_change_nothing_about_earlier_ones(early: list[str], late: list[str]) -> None:
    before, read, used, quarantined = check_orders([GOOD, *early])
    assert read == used + quarantined == 1 + len(early)
    after, all_read, all_used, all_quarantined = check_orders([GOOD, *early, *late])
    assert after[: len(before)] == before
    assert all_read == all_used + all_quarantined == read + len(late)
