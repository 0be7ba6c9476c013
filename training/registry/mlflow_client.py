"""MLflow: experiments, runs and the model registry. The only module that talks to the tracking server."""

import io
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read at import: nothing leaves the machine
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")  # it would print the password of the tracking URL
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")  # the default of 7 takes minutes to report an unreachable server

import mlflow
import sqlalchemy as sa
from mlflow.data.code_dataset_source import CodeDatasetSource
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import Metric, Param, Run, RunTag
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_ALREADY_EXISTS, RESOURCE_DOES_NOT_EXIST, ErrorCode
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema
from sqlalchemy.exc import SQLAlchemyError

from settings.errors import UserError, first_line
from settings.sections import Settings
from training.registry.moved_workspace import follow_workspace


class TrackingError(UserError):
    """The tracking store cannot be reached, read or written; the message quotes its error."""


EXPERIMENT = "holdfast"
MODEL = "holdfast-churn"
CHAMPION, CHALLENGER = "champion", "challenger"
ROOT = Path(__file__).resolve().parents[2]
CODE = ("settings", "features", "models")
NOT_FOUND = {ErrorCode.Name(INVALID_PARAMETER_VALUE), ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)}
CONNECT_SECONDS = 5
REQUIREMENTS = ["polars", "lightgbm", "numpy", "scipy", "pyarrow", "pandas", "pydantic", "sqlalchemy", "mlflow"]


def connect(settings: Settings) -> None:
    """Point MLflow at the configured store, with artifacts in the workspace, wherever it is now, and choose the experiment.

    Raises TrackingError where the store cannot be used.
    """
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    settings.workspace.path.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(settings.mlflow_uri)
    with tracking_errors():
        _probe(settings.mlflow_uri)
        follow_workspace(settings, EXPERIMENT)
        _choose_experiment(settings)


@contextmanager
def tracking_errors() -> Iterator[None]:
    """Turn every error of the tracking store into a TrackingError, in one sentence without credentials."""
    try:
        yield
    except (MlflowException, SQLAlchemyError, ModuleNotFoundError) as error:
        raise TrackingError(f"The MLflow store of [tracking] cannot be used: {first_line(error)}.") from None


def _probe(uri: str) -> None:
    """Connect to a database once: MLflow itself would try for minutes, without a word."""
    if uri.startswith("http") or "://" not in uri:
        return
    url = sa.make_url(uri)
    options = {"connect_timeout": CONNECT_SECONDS} if url.get_backend_name() == "postgresql" else {}
    engine = sa.create_engine(url, connect_args=options, poolclass=sa.NullPool)
    with engine.connect() as connection:
        sa.inspect(connection).has_table("experiments")


def _choose_experiment(settings: Settings) -> None:
    is_server = settings.mlflow_uri.startswith("http")
    if is_server:
        _create_model()
    if mlflow.get_experiment_by_name(EXPERIMENT) is None:
        mlflow.create_experiment(EXPERIMENT, artifact_location=None if is_server else str(settings.workspace.path / "mlruns"))
    mlflow.set_experiment(EXPERIMENT)


def _create_model() -> None:
    """Create the registered model, which then belongs to this user: a server with sign-in refuses to look up a missing one."""
    try:
        mlflow.MlflowClient().create_registered_model(MODEL)
    except MlflowException as error:
        if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
            raise


@contextmanager
def run(
    name: str, *, nested: bool = False, tags: dict[str, str] | None = None, started_at: datetime | None = None
) -> Iterator[str]:
    """Open a run with these tags, yield its id, and close it; an exception marks it as failed.

    `started_at` (UTC) is when what the run is about began, if that was before now.
    """
    run_id = None
    if started_at is not None:
        experiment = mlflow.get_experiment_by_name(EXPERIMENT)
        assert experiment is not None, "connect chose it"  # noqa: S101  # for the type checker
        start = int(started_at.replace(tzinfo=UTC).timestamp() * 1000)
        run_id = mlflow.MlflowClient().create_run(experiment.experiment_id, start, tags, name).info.run_id
    with mlflow.start_run(run_id=run_id, run_name=name, nested=nested, tags=tags) as active:
        yield active.info.run_id


def log_run(
    parameters: dict[str, Any], metrics: dict[str, float], tags: dict[str, str], series: Sequence[dict[str, float]] = ()
) -> None:
    """Log parameters, metrics and tags of the open run; `series` are metrics with a value per step, by step."""
    active = mlflow.active_run()
    assert active is not None, "a run is open"  # noqa: S101  # for the type checker
    now = int(time.time() * 1000)  # in milliseconds
    mlflow.MlflowClient().log_batch(
        active.info.run_id,
        metrics=[
            Metric(name, value, now, step) for step, values in enumerate((metrics, *series)) for name, value in values.items()
        ],
        params=[Param(name, str(value)) for name, value in parameters.items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )


def log_files(paths: list[Path], folder: str) -> None:
    """Log files as artifacts of the open run."""
    for path in paths:
        mlflow.log_artifact(str(path), folder)


def log_dataset(name: str, digest: str, columns: dict[str, str]) -> None:
    """Log name, digest and columns of a table of the open run, never its rows; `columns` are MLflow's types by name."""
    source = CodeDatasetSource({"mlflow.source.name": "holdfast"})
    schema = Schema([ColSpec(kind, column) for column, kind in columns.items()])
    dataset = MetaDataset(source, name=name, digest=digest, schema=schema)  # type: ignore[abstract]  # as MLflow builds it itself
    mlflow.log_input(dataset, context="training")


def register(folder: Path, inputs: dict[str, str], outputs: Sequence[str]) -> str:
    """Log the champion folder as an MLflow model of the open run and register it; return the version.

    The signature has `inputs` as optional columns, MLflow's types by name, and `outputs` as numbers; no example row is stored.
    """
    signature = ModelSignature(
        inputs=Schema([ColSpec(kind, name, required=False) for name, kind in inputs.items()]),
        outputs=Schema([ColSpec("double", name) for name in outputs]),
        params=ParamSchema([ParamSpec("as_of", "string", "")]),
    )
    # MLflow reports each step on stderr, which belongs to the user of the command
    with redirect_stderr(io.StringIO()):
        logged = mlflow.pyfunc.log_model(
            name="champion",
            python_model=str(ROOT / "training" / "registry" / "champion_pyfunc.py"),
            artifacts={"champion": str(folder)},
            code_paths=[str(ROOT / part) for part in CODE],
            signature=signature,
            pip_requirements=REQUIREMENTS,
            registered_model_name=MODEL,
        )
    return str(logged.registered_model_version)


def alias_version(alias: str) -> ModelVersion | None:
    """Return the version that an alias points to, None without such an alias."""
    return _found(lambda: mlflow.MlflowClient().get_model_version_by_alias(MODEL, alias))


def find_version(version: str) -> ModelVersion | None:
    """Return a registered version; None if there is none of this number."""
    return _found(lambda: mlflow.MlflowClient().get_model_version(MODEL, version))


def _found(query: Callable[[], ModelVersion]) -> ModelVersion | None:
    """Return what a query finds, None if the registry has no such thing. Any other error is raised."""
    try:
        return query()
    except MlflowException as error:
        if error.error_code in NOT_FOUND:
            return None
        raise


def versions_where(condition: str) -> list[ModelVersion]:
    """Return the registered versions for which a condition on tags or run_id holds, the newest first."""
    versions = _all_pages(
        lambda token: mlflow.MlflowClient().search_model_versions(f"name = '{MODEL}' and {condition}", page_token=token)
    )
    return sorted(versions, key=lambda version: int(version.version), reverse=True)


def runs_where(condition: str) -> list[Run]:
    """Return the runs of the experiment for which a condition holds, deleted ones excluded."""
    experiment = mlflow.get_experiment_by_name(EXPERIMENT)
    experiments = [] if experiment is None else [experiment.experiment_id]
    return _all_pages(lambda token: mlflow.MlflowClient().search_runs(experiments, condition, page_token=token))


def _all_pages(query: Callable[[str | None], Any]) -> list[Any]:
    rows, token = [], None
    while True:
        page = query(token)
        rows += page
        token = page.token
        if not token:
            return rows


def set_alias(alias: str, version: str) -> None:
    """Point an alias to a version."""
    mlflow.MlflowClient().set_registered_model_alias(MODEL, alias, version)


def tag_version(version: str, key: str, value: str) -> None:
    """Tag a registered version."""
    mlflow.MlflowClient().set_model_version_tag(MODEL, version, key, value)


def drop_alias(alias: str) -> None:
    """Delete an alias."""
    mlflow.MlflowClient().delete_registered_model_alias(MODEL, alias)


@contextmanager
def downloaded(version: str) -> Iterator[Path]:
    """Yield a copy of a registered version's champion folder, deleted at the end. Raises TrackingError if its files are gone."""
    with tempfile.TemporaryDirectory() as name:
        try:
            with redirect_stderr(io.StringIO()):
                model = Path(mlflow.artifacts.download_artifacts(f"models:/{MODEL}/{version}", dst_path=name))
            folder = next(path.parent for path in model.rglob("champion.json"))
        except (MlflowException, OSError, StopIteration) as error:
            reason = first_line(error) or "there is no champion.json"
            raise TrackingError(f"The files of version {version} in the registry cannot be read: {reason}.") from None
        yield folder


def delete_version(version: ModelVersion) -> str | None:
    """Delete a registered version and the logged model behind it; return where the files of that model are."""
    client = mlflow.MlflowClient()
    client.delete_model_version(MODEL, str(version.version))
    if not version.model_id:
        return None
    location: str = client.get_logged_model(version.model_id).artifact_location
    client.delete_logged_model(version.model_id)
    return location


def delete_run(run: Run) -> list[Run]:
    """Delete a run and all nested runs; return them."""
    nested = runs_where(f"tags.`mlflow.parentRunId` = '{run.info.run_id}'")
    deleted = [gone for child in nested for gone in delete_run(child)]
    mlflow.MlflowClient().delete_run(run.info.run_id)
    return [*deleted, run]


def finish_run(run_id: str) -> None:
    """Mark a run as finished."""
    mlflow.MlflowClient().set_terminated(run_id)
