"""The MLflow model: a champion folder that predicts p_churn for a frame of features.

MLflow stores this file as text beside the folder (models from code), so nothing is pickled.
"""

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from models.champion import Champion, load_champion


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
        params: dict[str, Any] | None = None,  # noqa: ARG002  # likewise
    ) -> pd.Series:
        """Return the churn probability of each row of features; the rows must be customers with a purchase."""
        features = pl.from_pandas(model_input)
        champion = self.champion
        return champion.churn.p_churn(champion.btyd.with_columns(features, champion.terms.horizon_days)).to_pandas()


set_model(ChampionModel())
