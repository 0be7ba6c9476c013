"""A workspace that was copied or moved: MLflow keeps absolute paths of its artifacts, which must follow."""

from pathlib import Path

import sqlalchemy as sa

from settings.sections import Settings

# The columns of MLflow's store that hold paths below `mlruns`.
PATHS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)


def follow_workspace(settings: Settings, experiment: str) -> None:
    """Change the paths of artifacts to the present folder of the workspace, if they are below another one.

    Otherwise a training in the copy of a workspace would write into the original, or fail at its end. Only the SQLite store
    inside the workspace is changed: any other one may serve several workspaces.
    """
    url = sa.make_url(settings.mlflow_uri) if "://" in settings.mlflow_uri else None
    workspace = settings.workspace.path.resolve()
    if url is None or url.get_backend_name() != "sqlite" or not _is_file_inside(url.database, workspace):
        return
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        existing = set(sa.inspect(connection).get_table_names())
        before = _artifact_folder(connection, experiment) if "experiments" in existing else None
        after = str(settings.workspace.path / "mlruns")
        if before is None or "://" in before or Path(before).resolve() == Path(after).resolve():
            return
        for table, column in PATHS:
            if table in existing:
                _replace_prefix(connection, table, column, before, after)


def _is_file_inside(database: str | None, folder: Path) -> bool:
    path = Path(database or "").resolve()
    return path.is_file() and path.is_relative_to(folder)


def _artifact_folder(connection: sa.Connection, experiment: str) -> str | None:
    query = sa.text("select artifact_location from experiments where name = :name")
    location: str | None = connection.scalar(query, {"name": experiment})
    return location


def _replace_prefix(connection: sa.Connection, table: str, column: str, before: str, after: str) -> None:
    """Replace the folder at the beginning of all paths of a column."""
    stored = sa.table(table, sa.column(column, sa.Text))
    paths = stored.c[column]
    below = sa.func.substr(paths, 1, len(before) + 1) == f"{before}/"
    moved = sa.literal(after) + sa.func.substr(paths, len(before) + 1)
    connection.execute(sa.update(stored).where(sa.or_(paths == before, below)).values({column: moved}))
