"""The MLflow model: a champion folder that predicts churn and spend, with intervals, for features or for raw order lines.

MLflow stores this file as text beside the folder (models from code), so nothing is pickled.
"""

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from features.build import build_features
from features.tables.schema import DTYPES, TRANSACTIONS, Tables
from models.champion import Champion, load_champion
from models.churn.probability_interval import probability_interval
from models.value.lifetime_value import spend_within
from settings.sections import Loyalty


class ChampionModel(PythonModel):
    """Load the champion once, then predict."""

    champion: Champion

    def load_context(self, context: PythonModelContext) -> None:
        """Load the folder that was logged as the artifact `champion`."""
        self.champion = load_champion(Path(context.artifacts["champion"]))

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002  # MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Return p_churn and expected_spend within the churn horizon, both with 80 % intervals, a row per customer.

        Rows with `ordered_at` are order lines of the transactions table; all of a customer's lines give one row, by customer_id,
        as of `params["as_of"]` (a date as text; by default the day after the newest line). Other rows are features of customers
        with a purchase, and keep their order. Spend is in the currency of the tables, before margin.
        """
        rows = pl.from_pandas(model_input)
        has_lines = "ordered_at" in rows.columns and rows["ordered_at"].null_count() < rows.height
        features = self._features(rows, (params or {}).get("as_of", "")) if has_lines else rows
        ids = features.select("customer_id") if has_lines else pl.DataFrame()
        return pl.concat([ids, self._predict(features)], how="horizontal").to_pandas()

    def _features(self, lines: pl.DataFrame, as_of: str) -> pl.DataFrame:
        """Return the features of the customers of order lines, as of a date, by customer_id."""
        terms, given = self.champion.terms, [column for column in TRANSACTIONS.columns if column.name in lines.columns]
        present = [column for column in given if column.required or lines[column.name].null_count() < lines.height]
        table = lines.select(pl.col(column.name).cast(DTYPES[column.kind]) for column in present)
        newest: date = table["ordered_at"].dt.date().max()  # type: ignore[assignment]  # the maximum of dates is one
        day = date.fromisoformat(as_of) if as_of else pl.Series([newest]).dt.offset_by("1d").item()
        loyalty = Loyalty(unit=terms.loyalty_unit, min_purchases=terms.loyalty_min_purchases)  # type: ignore[arg-type]
        features = build_features(Tables(table.lazy()), day, terms.active_days, loyalty, self.champion.norms)
        return features.filter(pl.col("orders") > 0)

    def _predict(self, features: pl.DataFrame) -> pl.DataFrame:
        champion = self.champion
        inputs = champion.btyd.with_columns(features, champion.terms.horizon_days)
        p_churn = champion.churn.p_churn(inputs)
        low, high = probability_interval(p_churn.to_numpy(), champion.churn_std)
        predicted = None if champion.value is None else champion.value.expected(inputs)
        spend = spend_within(champion.btyd, inputs, p_churn, champion.terms.horizon_days, predicted)
        spend_low, spend_high = champion.value_interval.bounds(spend.to_numpy(), p_churn.to_numpy())
        intervals = {"p_churn_low": low, "p_churn_high": high, "spend_low": spend_low, "spend_high": spend_high}
        columns = pl.DataFrame(intervals).with_columns(p_churn.alias("p_churn"), spend.alias("expected_spend"))
        return columns.select("p_churn", "p_churn_low", "p_churn_high", "expected_spend", "spend_low", "spend_high")


set_model(ChampionModel())
