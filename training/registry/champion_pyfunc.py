"""The MLflow model: a champion folder that answers p_churn for a frame of features.

MLflow keeps this file as text beside the folder (models from code), so nothing is pickled.
"""

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from models.champion import Champion, load_champion


class ChampionModel(PythonModel):
    """Loads the champion once, then predicts."""

    champion: Champion

    def load_context(self, context: PythonModelContext) -> None:
        """Read the folder that was logged as the artifact `champion`."""
        self.champion = load_champion(Path(context.artifacts["champion"]))

    def predict(
        self,
        context: PythonModelContext,  # noqa: ARG002  # MLflow's signature
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,  # noqa: ARG002  # likewise
    ) -> pd.Series:
        """Return the churn probability of each row of features; customers without a purchase have none."""
        features = pl.from_pandas(model_input)
        champion = self.champion
        return champion.churn.p_churn(champion.btyd.with_columns(features, champion.terms.horizon_days)).to_pandas()


set_model(ChampionModel())
