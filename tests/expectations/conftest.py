from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from expectations.load import check_tables
from expectations.report import TableReport
from settings.load import load_settings

NOW = datetime(2026, 1, 1)


class Desk:
    """A folder with tables and a configuration, and what a check of it finds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config = folder / "holdfast.toml"
        self.workspace = folder / "workspace"

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def check(
        self, config: str = "", *, transactions: str = "orders*", others: str = "", now: datetime = NOW
    ) -> list[TableReport]:
        self.config.write_text(f'[tables]\ntransactions = "{transactions}"\n{others}\n{config}')
        return check_tables(load_settings(self.config, {}), now)

    def used(self, table: str = "transactions") -> pl.DataFrame:
        return pl.read_parquet(self.workspace / "tables" / f"{table}.parquet")

    def quarantined(self, table: str = "transactions") -> pl.DataFrame:
        return pl.read_parquet(self.workspace / "quarantine" / f"{table}.parquet")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
