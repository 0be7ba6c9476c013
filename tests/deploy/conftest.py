"""A PostgreSQL server of its own, with passwords, for roles and rights that a shared test database does not allow."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
SUPERUSER_PASSWORD = "su per@/:#%41?"  # noqa: S105  # of a server that lives as long as the test


@dataclass(frozen=True)
class Cluster:
    """A running server: its port on 127.0.0.1, and the folder of its programs."""

    port: int
    binaries: Path

    @property
    def admin_url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    found = shutil.which("initdb")
    folder = Path(found).resolve().parent if found else next(reversed(BINARIES), None)
    if folder is None:
        pytest.skip("the programs of a PostgreSQL server are not on this machine")
    data = tmp_path_factory.mktemp("postgres") / "data"
    data.mkdir(mode=0o700)
    (data.parent / "password").write_text(SUPERUSER_PASSWORD)
    owner = _unprivileged(data)
    rules = ["-U", "postgres", "--auth=scram-sha-256", f"--pwfile={data.parent / 'password'}"]
    subprocess.run([folder / "initdb", "-D", data, *rules], check=True, capture_output=True, user=owner, cwd="/")
    port = _free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    control = [folder / "pg_ctl", "-D", data, "-w"]
    log = data.parent / "log"
    subprocess.run([*control, "-o", options, "-l", log, "start"], check=True, stdout=subprocess.DEVNULL, user=owner, cwd="/")
    yield Cluster(port, folder)
    subprocess.run([*control, "-m", "immediate", "stop"], check=True, stdout=subprocess.DEVNULL, user=owner, cwd="/")


def _unprivileged(data: Path) -> str | None:
    """Give the folder to the account of PostgreSQL if this is root, whom its server refuses."""
    if os.geteuid() != 0:
        return None
    account = next((name for name in ("postgres", "nobody") if _exists(name)), None)
    for path in (data, data.parent, data.parent / "password"):
        shutil.chown(path, account)
    for folder in [*data.parents][1:-2]:
        folder.chmod(folder.stat().st_mode | 0o011)
    return account


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])
