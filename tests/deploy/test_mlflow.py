"""MLflow's real server with sign-in on a real PostgreSQL, with passwords that no URL or configuration takes as they are."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from settings.password_files import with_password

ROOT = Path(__file__).resolve().parents[2]
PASSWORDS = {
    "mlflow_database_password": "ml flow@/:#%41?",
    "mlflow_admin_password": "adm in@/:#%41?123",
    "mlflow_password": "tr@in/:#%? pass+word",
    "mlflow_session_secret": "s%ssion secret",
}
SUPERUSER_PASSWORD = "su per@/:#%41?"  # noqa: S105  # of the test's own server
ROLE, DATABASES = "signin_mlflow", ("signin_mlflow", "signin_mlflow_users")
START_SECONDS = 200
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=5"
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass
class Server:
    """An MLflow server with its files, databases and process."""

    folder: Path
    postgres: Any
    port: int
    process: subprocess.Popen[bytes] | None = field(default=None)

    def url(self, database: str) -> str:
        return f"postgresql://{ROLE}@127.0.0.1:{self.postgres.port}/{database}"

    def start(self) -> None:
        script = [sys.executable, ROOT / "deploy" / "serve_mlflow.py", "--database", self.url(DATABASES[0])]
        script += ["--users", self.url(DATABASES[1]), "--secrets", self.folder / "secrets", "--port", str(self.port)]
        script += ["--artifacts", self.folder / "artifacts", "--allow-host", "mlflow:5000"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                script,
                stdout=log,
                stderr=log,
                env=ENVIRONMENT,
                start_new_session=True,
                cwd=self.folder,
            )
        deadline = time.monotonic() + START_SECONDS
        while self.status("/health") != 200:
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline, (self.folder / "log").read_text()
            time.sleep(1)

    def password(self, name: str) -> str:
        return (self.folder / "secrets" / name).read_text(encoding="utf-8").rstrip("\n")

    def stop(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(60)

    def status(self, path: str, user: str | None = None, password: str = "", host: str | None = None) -> int:
        headers = {} if host is None else {"Host": host}
        if user is not None:
            headers["Authorization"] = "Basic " + b64encode(f"{user}:{password}".encode()).decode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # of the test's own server
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0


@pytest.fixture(scope="module")
def server(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:  # noqa: ANN401  # of conftest
    pytest.importorskip("flask_wtf", reason="Flask-WTF is missing: `make setup` installs the lock file")
    folder = tmp_path_factory.mktemp("mlflow")
    for name in ("secrets", "artifacts"):
        (folder / name).mkdir()
    for name, password in PASSWORDS.items():
        (folder / "secrets" / name).write_text(f"{password}\n", encoding="utf-8")
    with psycopg.connect(with_password(cluster.admin_url, SUPERUSER_PASSWORD), autocommit=True) as admin:
        password = sql.Literal(PASSWORDS["mlflow_database_password"])
        admin.execute(sql.SQL("create role {} login password {}").format(sql.Identifier(ROLE), password))
        for database in DATABASES:
            admin.execute(sql.SQL("create database {} owner {}").format(sql.Identifier(database), sql.Identifier(ROLE)))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server = Server(folder, cluster, int(free.getsockname()[1]))
    server.start()
    yield server
    server.stop()


def test_only_users_with_their_password_get_in(server: Server) -> None:
    assert server.status("/health") == 200
    assert server.status(SEARCH) == 401
    assert server.status(SEARCH, "admin", "password1234") == 401
    assert server.status(SEARCH, "holdfast", PASSWORDS["mlflow_admin_password"]) == 401
    assert server.status(SEARCH, "admin", PASSWORDS["mlflow_admin_password"]) == 200
    assert server.status(SEARCH, "holdfast", server.password("mlflow_password")) == 200


def test_it_answers_to_its_name_in_compose_and_to_no_other(server: Server) -> None:
    password = server.password("mlflow_password")
    assert server.status(SEARCH, "holdfast", password, "mlflow:5000") == 200
    assert server.status(SEARCH, "holdfast", password, "evil.example") == 403


def test_the_user_of_training_is_no_administrator(server: Server) -> None:
    users = "/api/2.0/mlflow/users/get?username=admin"
    assert server.status(users, "holdfast", server.password("mlflow_password")) == 403
    assert server.status(users, "admin", PASSWORDS["mlflow_admin_password"]) == 200


@pytest.fixture(scope="module")
def registered(server: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Log a run with an artifact and register a version through our own module, in a process with the settings of compose."""
    folder = tmp_path_factory.mktemp("client")
    (folder / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\n', encoding="utf-8")
    program = (
        "import mlflow, pathlib; from settings.load import load_settings; from training.registry import mlflow_client as m\n"
        "m.connect(load_settings(pathlib.Path('holdfast.toml')))\n"
        "assert m.alias_version('champion') is None\n"
        "pathlib.Path('note.txt').write_text('x')\n"
        "with m.run('a') as run:\n"
        "    m.log_run({'p': 1}, {'m': 1.0}, {}); m.log_files([pathlib.Path('note.txt')], 'notes')\n"
        "version = mlflow.MlflowClient().create_model_version(m.MODEL, f'runs:/{run}/notes', run).version\n"
        "m.set_alias('champion', str(version))\n"
        "print('registered', m.alias_version('champion').version, 'champion')\n"
    )
    environment = ENVIRONMENT | {
        "HOLDFAST__TRACKING__MLFLOW_URI": f"http://holdfast@127.0.0.1:{server.port}",
        "HOLDFAST__TRACKING__MLFLOW_PASSWORD_FILE": str(server.folder / "secrets" / "mlflow_password"),
    }
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()[-1]


def test_training_can_log_a_run_and_register_a_model_as_that_user(registered: str) -> None:
    assert registered == "registered 1 champion"


def test_no_password_is_in_an_argument_or_in_the_log(server: Server) -> None:
    assert server.process is not None
    arguments = Path(f"/proc/{server.process.pid}/cmdline").read_bytes().decode()
    log = (server.folder / "log").read_text()
    assert not [password for password in PASSWORDS.values() if password in arguments or password in log]


def backup(server: Server, *words: object) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PATH": f"{server.postgres.binaries}:{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.postgres.port),
        "PGUSER": ROLE,
        "DATABASES": " ".join(DATABASES),
        "PASSWORD_FILE": str(server.folder / "secrets" / "mlflow_database_password"),
        "ARTIFACTS": str(server.folder / "artifacts"),
    }
    script = ["sh", ROOT / "deploy" / "mlflow_backup.sh", *words]
    return subprocess.run(script, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("registered")
def test_backup_and_restoration_bring_runs_users_and_artifacts_back(server: Server, tmp_path: Path) -> None:
    archive = tmp_path / "mlflow.tar"
    files = sorted(path.relative_to(server.folder) for path in (server.folder / "artifacts").rglob("*.txt"))
    assert backup(server, "save", archive).returncode == 0
    assert archive.stat().st_mode & 0o077 == 0
    assert backup(server, "save", archive).stderr == f"{archive} exists: name a new file.\n"
    in_use = backup(server, "restore", archive, "--replace")
    assert (in_use.returncode, "is in use" in in_use.stderr) == (2, True)
    server.stop()
    (tmp_path / "cut.tar").write_bytes(archive.read_bytes()[:-200_000])
    assert backup(server, "restore", tmp_path / "cut.tar", "--replace").returncode == 2
    (server.folder / "secrets" / "mlflow_password").write_text("a changed @/:# password\n", encoding="utf-8")
    with psycopg.connect(with_password(server.url(DATABASES[0]), PASSWORDS["mlflow_database_password"]), autocommit=True) as lost:
        lost.execute("drop table registered_model_aliases")
    assert backup(server, "restore", archive).stderr.endswith("add --replace to replace them.\n") == bool(files)
    assert backup(server, "restore", archive, "--replace").returncode == 0
    assert sorted(path.relative_to(server.folder) for path in (server.folder / "artifacts").rglob("*.txt")) == files
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".mlflow")] == []
    server.start()
    alias = "/api/2.0/mlflow/registered-models/alias?name=holdfast-churn&alias=champion"
    assert server.status(alias, "holdfast", PASSWORDS["mlflow_password"]) == 401
    assert server.status(alias, "holdfast", "a changed @/:# password") == 200  # that of the file, since the start
