"""The order logs: where each one is, how its columns are named, and the days that forecasts are made on."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from settings.sections import Churn, Settings, TableSources, Value, Workspace

MIN_HORIZONS = 2  # of log before an earlier origin
RETAIL_COLUMNS = {
    "customer_id": "CustomerID",
    "order_id": "Invoice",
    "ordered_at": "InvoiceDate",
    "amount": "Quantity * Price",
    "quantity": "Quantity",
    "product_id": "StockCode",
    "unit_price": "Price",
    "region": "Country",
}


@dataclass(frozen=True)
class OrderLog:
    """A log, the churn horizon in days, the day of its holdout, and its columns where they are not the canonical ones."""

    name: str
    path: Path
    horizon_days: int
    holdout: date
    columns: dict[str, str] = field(default_factory=dict)

    def settings(self, workspace: Path) -> Settings:
        """Return the configuration: values are undiscounted spend within the churn horizon."""
        churn, value = Churn(horizon_days=self.horizon_days), Value(horizon_days=self.horizon_days, annual_discount_rate=0.0)
        settings = Settings(
            tables=TableSources(str(self.path.resolve())), workspace=Workspace(path=workspace), churn=churn, value=value
        )
        settings.columns.transactions.update(self.columns)
        return settings

    def origins(self, first: date, count: int) -> list[date]:
        """Return up to `count` days, oldest first: the holdout, and those one horizon apart before it.

        An earlier origin has at least two horizons of log before it; `first` is the day of the first order.
        """
        days = [self.holdout - timedelta(days=self.horizon_days * back) for back in range(count)]
        enough = first + timedelta(days=MIN_HORIZONS * self.horizon_days)
        return [day for day in reversed(days) if day == self.holdout or day >= enough]


HOLDOUTS = {
    "donors": (365, date(2015, 1, 1)),
    "grocery": (50, date(2007, 11, 11)),
    "retailtx": (116, date(2014, 11, 20)),
    "superstore": (308, date(2019, 2, 25)),
    "groceries": (90, date(2015, 10, 2)),
    "adventure": (90, date(2022, 10, 30)),
}


def find_logs(folder: Path, retail: Path) -> Iterator[OrderLog]:
    """Yield the logs whose files exist, Online Retail first."""
    if retail.is_file():
        yield OrderLog("online_retail", retail, 90, date(2011, 6, 1), RETAIL_COLUMNS)
    for name, (horizon_days, holdout) in HOLDOUTS.items():
        path = folder / f"{name}.parquet"
        if path.is_file():
            yield OrderLog(name, path, horizon_days, holdout)
