"""MLflow: experiments, runs and the model registry. The only module that talks to the tracking server."""

import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read at import: nothing leaves the machine
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

import mlflow
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema
from sqlalchemy.exc import SQLAlchemyError

from settings.errors import UserError, first_line
from settings.sections import Settings


class TrackingError(UserError):
    """The tracking store cannot be reached or read; the message quotes its error."""


EXPERIMENT = "holdfast"
MODEL = "holdfast-churn"
CHAMPION, CHALLENGER = "champion", "challenger"
ROOT = Path(__file__).resolve().parents[2]
CODE = ("settings", "features", "models")
REQUIREMENTS = ["polars", "lightgbm", "numpy", "scipy", "pyarrow", "pandas", "pydantic", "sqlalchemy", "mlflow"]


def connect(settings: Settings) -> None:
    """Point MLflow at the configured store, with artifacts in the workspace, and choose the experiment.

    Raises TrackingError where the store cannot be used.
    """
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    settings.workspace.path.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(settings.mlflow_uri)
    try:
        _choose_experiment(settings)
    except (MlflowException, SQLAlchemyError) as error:
        raise TrackingError(f"The MLflow store of [tracking] cannot be used: {first_line(error)}.") from None


def _choose_experiment(settings: Settings) -> None:
    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        is_server = settings.mlflow_uri.startswith("http")
        mlflow.create_experiment(EXPERIMENT, artifact_location=None if is_server else str(settings.workspace.path / "mlruns"))
    mlflow.set_experiment(EXPERIMENT)


@contextmanager
def run(name: str, *, nested: bool = False) -> Iterator[str]:
    """Open a run, yield its id, and close it; an exception marks it as failed."""
    with mlflow.start_run(run_name=name, nested=nested) as active:
        yield active.info.run_id


def log_run(parameters: dict[str, Any], metrics: dict[str, float], tags: dict[str, str]) -> None:
    """Log parameters, metrics and tags of the open run."""
    mlflow.log_params(parameters)
    mlflow.log_metrics(metrics)
    mlflow.set_tags(tags)


def log_files(paths: list[Path], folder: str) -> None:
    """Log files as artifacts of the open run."""
    for path in paths:
        mlflow.log_artifact(str(path), folder)


def log_dataset(name: str, digest: str) -> None:
    """Log name and digest of a table of the open run, never its rows."""
    source = CodeDatasetSource({"mlflow.source.name": "holdfast"})
    dataset = MetaDataset(source, name=name, digest=digest)  # type: ignore[abstract]  # MLflow builds it like this itself
    mlflow.log_input(dataset, context="training")


def register(folder: Path, columns: tuple[str, ...]) -> str:
    """Log the champion folder as an MLflow model of the open run and register it; return the version.

    The signature has `columns` as optional numbers; no example row is stored.
    """
    inputs = Schema([ColSpec("double", name, required=False) for name in columns])
    # MLflow reports each step on stderr, which belongs to the user of the command
    with redirect_stderr(io.StringIO()):
        logged = mlflow.pyfunc.log_model(
            name="champion",
            python_model=str(ROOT / "training" / "registry" / "champion_pyfunc.py"),
            artifacts={"champion": str(folder)},
            code_paths=[str(ROOT / part) for part in CODE],
            signature=ModelSignature(inputs=inputs, outputs=Schema([ColSpec("double", "p_churn")])),
            pip_requirements=REQUIREMENTS,
            registered_model_name=MODEL,
        )
    return str(logged.registered_model_version)


def alias_version(alias: str) -> str | None:
    """Return the version that an alias points to, None without such an alias."""
    try:
        return str(mlflow.MlflowClient().get_model_version_by_alias(MODEL, alias).version)
    except MlflowException:
        return None


def set_alias(alias: str, version: str) -> None:
    """Point an alias to a version."""
    mlflow.MlflowClient().set_registered_model_alias(MODEL, alias, version)


def tag_version(version: str, key: str, value: str) -> None:
    """Tag a registered version."""
    mlflow.MlflowClient().set_model_version_tag(MODEL, version, key, value)


def drop_alias(alias: str) -> None:
    """Delete an alias."""
    mlflow.MlflowClient().delete_registered_model_alias(MODEL, alias)


def download(version: str) -> Path | None:
    """Return a local copy of a registered version's champion folder, None for an unknown version."""
    try:
        model = Path(mlflow.artifacts.download_artifacts(f"models:/{MODEL}/{version}"))
    except MlflowException:
        return None
    return next(model.rglob("champion.json")).parent
