"""Run MLflow's server with sign-in: its users and runs in PostgreSQL, its artifacts in a folder, its passwords in files.

Run: python deploy/serve_mlflow.py --database postgresql://holdfast_mlflow@postgres:5432/holdfast_mlflow \
    --users postgresql://holdfast_mlflow@postgres:5432/holdfast_mlflow_users --secrets /run/secrets --artifacts /artifacts

It keeps two users: `admin`, for people who administrate, and `holdfast`, for `train`, which may change only what it created.
Their passwords are those of the files with every start. `--upgrade` migrates MLflow's database after an update of MLflow.
"""

import argparse
import configparser
import os
import sys
import tempfile
from pathlib import Path

from settings.errors import UserError
from settings.password_files import read_password, with_password

USERS = {"admin": ("mlflow_admin_password", True), "holdfast": ("mlflow_password", False)}
DATABASE_SECRET, SESSION_SECRET = "mlflow_database_password", "mlflow_session_secret"  # names of files
LOCAL_HOSTS = "localhost,localhost:*,127.0.0.1,127.0.0.1:*"


def main() -> None:
    """Create or update the users, and become the server. A problem is one sentence, with exit code 2."""
    options = _parse()
    try:
        secrets = {name: _read(options.secrets, name) for name in _secret_names()}
        urls = [with_password(url, secrets[DATABASE_SECRET]) for url in (options.database, options.users)]
    except (UserError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
    os.environ |= {
        "MLFLOW_BACKEND_STORE_URI": urls[0],
        "MLFLOW_AUTH_CONFIG_PATH": str(_write_config(urls[1])),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets[SESSION_SECRET],
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # seven processes of 180 MB that Holdfast does not use
    }
    if options.upgrade:
        _upgrade(urls[0])
        return
    _ensure_users(urls[1], secrets)
    hosts = ",".join([LOCAL_HOSTS, *options.allow_host])
    command = [sys.executable, "-m", "mlflow", "server", "--app-name", "basic-auth", "--host", options.host]
    command += ["--port", str(options.port), "--workers", str(options.workers), "--allowed-hosts", hosts]
    command += ["--serve-artifacts", "--artifacts-destination", str(options.artifacts)]
    os.execv(sys.executable, command)  # noqa: S606  # the server takes this process's place; URLs are in its environment only


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--database", required=True, help="URL of the runs, without password")
    parser.add_argument("--users", required=True, help="URL of the users, without password")
    parser.add_argument("--secrets", type=Path, required=True, help="folder with a file per password")
    parser.add_argument("--artifacts", type=Path, required=True, help="folder of the artifacts")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--allow-host", action="append", default=[], help="further name of the server, such as mlflow:5000")
    parser.add_argument("--upgrade", action="store_true", help="migrate the database of the runs, and stop")
    return parser.parse_args()


def _secret_names() -> list[str]:
    return [DATABASE_SECRET, SESSION_SECRET, *(name for name, _ in USERS.values())]


def _read(folder: Path, name: str) -> str:
    try:
        return read_password(folder / name)
    except ValueError as error:
        raise UserError(f"The secret {folder / name} {error}.") from None


def _write_config(users_url: str) -> Path:
    """Write MLflow's configuration of its sign-in, readable by this user only, and return its path.

    MLflow has no other way to name the database of its users. It interpolates %, which is therefore doubled.
    """
    config = configparser.ConfigParser(interpolation=None)
    config["mlflow"] = {
        "default_permission": "READ",
        "database_uri": users_url.replace("%", "%%"),
        "admin_username": "admin",
        "auth_cache_ttl_seconds": "60",  # hashing the password with every request takes most of its time
    }
    descriptor, path = tempfile.mkstemp(suffix=".ini")
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        config.write(file)
    return Path(path)


def _ensure_users(users_url: str, secrets: dict[str, str]) -> None:
    """Create the users that are missing, and give the others the passwords of the files."""
    from mlflow.server.auth.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore()
    store.init_db(users_url)
    for user, (name, is_admin) in USERS.items():
        if not store.has_user(user):
            store.create_user(user, secrets[name], is_admin=is_admin)
        elif not store.authenticate_user(user, secrets[name]):
            store.update_user(user, password=secrets[name])


def _upgrade(database_url: str) -> None:
    from mlflow.db import upgrade

    upgrade.callback(database_url)


if __name__ == "__main__":
    main()
