"""Which earlier rows count never depends on rows that come later, and counts add up whatever the rows are."""

import tempfile
from datetime import datetime
from pathlib import Path

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expectations.validation.table import check_table
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


def sifted(rows: list[str]) -> tuple[list[tuple[object, ...]], int, int, int]:
    """Good rows in order, and the numbers read, used and set aside."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "orders.csv").write_bytes("\n".join([HEADER, *rows, ""]).encode())
        (folder / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\n')
        found = check_table(load_settings(folder / "holdfast.toml", {}), ALL_TABLES["transactions"], [], NOW)
        assert found.sifted is not None
        good = pl.read_parquet(folder / "workspace" / "tables" / "transactions.parquet")
        aside = pl.read_parquet(folder / "workspace" / "quarantine" / "transactions.parquet")
        assert (good.height, aside.height) == (found.used, sum(found.broken.values()))
        return good.rows(), found.sifted.read, good.height, aside.height


@given(ROWS, ROWS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_later_rows_change_nothing_about_earlier_ones(early: list[str], late: list[str]) -> None:
    before, read, used, aside = sifted([GOOD, *early])
    assert read == used + aside == 1 + len(early)
    after, all_read, all_used, all_aside = sifted([GOOD, *early, *late])
    assert after[: len(before)] == before
    assert all_read == all_used + all_aside == read + len(late)
