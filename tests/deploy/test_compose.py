"""Checks of compose.yaml, its image and its timer that need no container engine."""

import configparser
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
import yaml
from typer.main import get_command

from holdfast.cli import APP
from settings.load import load_settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
HOST = runpy.run_path(str(ROOT / "deploy" / "prepare_host.py"))
OURS = {"databases", "mlflow", "service", "job"}
ALL_USERS = OURS | {"mlflow-backup"}
PINNED = re.compile(r"[a-z]+:\d+\.\d+(\.\d+)?(-[a-z]+)*")  # a plain name, without a registry, and an exact version
FOLDERS = {"/company": "./company", "/artifacts": "./artifacts", "/backups": "./backups"}


def mounts(service: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {volume["target"]: volume for volume in service.get("volumes", []) if isinstance(volume, dict)}


def test_the_services_and_their_profiles() -> None:
    assert set(SERVICES) == {"postgres", "databases", "mlflow", "service", "job", "mlflow-backup"}
    profiles = {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service}
    assert profiles == {"job": ["job"], "mlflow-backup": ["backup"]}


def test_every_image_is_pinned_and_names_no_registry() -> None:
    bases = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    images = {service["image"] for service in SERVICES.values()}
    assert all(PINNED.fullmatch(image) for image in [*images, *bases]), [images, bases]
    assert len({image for image in images if image.startswith("postgres:")}) == 1, "pg_dump must be that of the server"


def test_our_services_share_the_image_that_the_dockerfile_builds_from_the_lock_file() -> None:
    for name in OURS:
        assert SERVICES[name]["build"] == {"context": ".", "dockerfile": "deploy/Dockerfile"}
        assert SERVICES[name]["image"] == "holdfast:0.1.0"
    assert "--require-hashes -r requirements/image.lock" in DOCKERFILE
    assert "libgomp1" in DOCKERFILE  # LightGBM does not load without


def test_the_lock_file_of_the_image_has_what_the_commands_and_the_sign_in_need_and_no_tools() -> None:
    locks = {name: locked(name) for name in ("image", "dev", "server")}
    assert {"mlflow", "flask-wtf", "typer", "great-expectations", "psycopg-binary", "bentoml"} <= set(locks["image"])
    assert not {"pytest", "ruff", "playwright", "schemathesis"} & set(locks["image"])
    assert locks["server"].items() <= locks["image"].items() <= locks["dev"].items()


def locked(name: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", text, re.MULTILINE))


def test_the_image_gets_every_package_of_the_repository_and_no_data() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:].split("/")[0] for line in ignored if line.startswith("!")}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} | {"settings", "holdfast"}
    assert "*" in ignored
    assert packages <= allowed
    assert not allowed & {"secrets", "company", "backups", "artifacts", ".git", ".env", "tests"}
    for package in packages:
        assert f"COPY {package} {package}\n" in DOCKERFILE


def test_every_container_but_the_database_runs_as_the_owner_of_the_data_without_privileges() -> None:
    for name in ALL_USERS:
        service = SERVICES[name]
        assert service["user"] == "${HOLDFAST_USER:?run deploy/prepare_host.py first}"
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert (service["read_only"], service["tmpfs"]) == (True, ["/tmp"])  # noqa: S108  # of the container


def test_folders_of_the_host_are_writable_and_never_created_by_the_engine() -> None:
    found = {target for service in SERVICES.values() for target in mounts(service)}
    assert found == set(FOLDERS)
    for service in SERVICES.values():
        for target, volume in mounts(service).items():
            assert volume["source"] == FOLDERS[target]
            assert volume["bind"] == {"create_host_path": False}
            assert not volume.get("read_only", False)
    assert {folder.removeprefix("./") for folder in FOLDERS.values()} <= set(HOST["FOLDERS"])
    assert {name for name in SERVICES if "/company" in mounts(SERVICES[name])} == {"databases", "service", "job"}


def test_everything_that_a_service_refers_to_exists() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
        for volume in service.get("volumes", []):
            source = volume["source"] if isinstance(volume, dict) else volume.split(":")[0]
            assert source in COMPOSE["volumes"] or source in FOLDERS.values() or (ROOT / source).is_file()
        scripts = [word for word in service.get("entrypoint", []) if word.startswith(("deploy/", "/deploy/"))]
        assert all((ROOT / script.lstrip("/")).is_file() for script in scripts)


def test_secrets_are_files_that_prepare_host_creates_and_nothing_else_holds_a_password() -> None:
    files = {name: secret["file"] for name, secret in COMPOSE["secrets"].items()}
    assert files == {name: f"./secrets/{name}" for name in HOST["SECRETS"]}
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    assert not [url for url in re.findall(r"\w+://[^\s\"']+", text) if urlsplit(url).password is not None]
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            assert "PASSWORD" not in key or (key.endswith("PASSWORD_FILE") and value.startswith("/run/secrets/"))
            assert not str(value).startswith("/run/secrets/") or Path(value).name in service["secrets"]


def test_each_service_gets_the_secrets_of_its_own_role_only() -> None:
    assert SERVICES["postgres"]["secrets"] == ["postgres_password"]
    assert SERVICES["service"]["secrets"] == ["store_service_password"]
    assert SERVICES["job"]["secrets"] == ["store_owner_password", "mlflow_password"]
    assert SERVICES["mlflow-backup"]["secrets"] == ["mlflow_database_password"]
    assert not {"postgres_password", "store_owner_password"} & set(SERVICES["mlflow"]["secrets"])


def test_ports_are_open_on_this_machine_only_and_the_database_has_none() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert sorted(ports) == ["127.0.0.1:3000:3000", "127.0.0.1:5000:5000"]
    assert "ports" not in SERVICES["postgres"]


def test_services_start_in_order_of_health() -> None:
    conditions = {
        name: {other: wait["condition"] for other, wait in service["depends_on"].items()}
        for name, service in SERVICES.items()
        if "depends_on" in service
    }
    prepared = {"databases": "service_completed_successfully"}
    assert conditions == {
        "databases": {"postgres": "service_healthy"},
        "mlflow": prepared,
        "service": prepared,
        "job": prepared | {"mlflow": "service_healthy"},
        "mlflow-backup": {"postgres": "service_healthy"},
    }


@pytest.mark.parametrize("name", ["postgres", "mlflow", "service"])
def test_whatever_keeps_running_has_a_health_check_and_comes_back(name: str) -> None:
    check = SERVICES[name]["healthcheck"]
    assert check["test"][0] == "CMD"
    assert {"interval", "timeout", "retries", "start_period"} <= set(check)
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", ["mlflow", "service"])
def test_the_health_check_fails_where_nothing_answers(name: str) -> None:
    program = SERVICES[name]["healthcheck"]["test"][3]
    closed = re.sub(r":\d{4}/", ":1/", program)
    assert closed != program
    result = subprocess.run([sys.executable, "-c", closed], capture_output=True, text=True, check=False)
    assert (result.returncode, "URLError" in result.stderr) == (1, True)


@pytest.mark.parametrize(
    ("name", "role", "database"), [("service", "holdfast_service", "holdfast"), ("job", "holdfast_owner", "holdfast")]
)
def test_the_environment_is_valid_settings(name: str, role: str, database: str, tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\n', encoding="utf-8")
    environment = dict(SERVICES[name]["environment"])
    for key, value in environment.items():
        if key.endswith("PASSWORD_FILE"):
            (tmp_path / Path(value).name).write_text("p@ss: /#\n", encoding="utf-8")
            environment[key] = Path(value).name
    settings = load_settings(tmp_path / "holdfast.toml", environment)
    url = sa.make_url(settings.store_url)
    assert (url.username, url.host, url.database, url.password) == (role, "postgres", database, "p@ss: /#")
    assert settings.secret_path == tmp_path / "workspace" / "control.key"
    assert settings.mlflow_uri == (
        "http://holdfast:p%40ss%3A%20%2F%23@mlflow:5000" if name == "job" else f"sqlite:///{tmp_path}/workspace/mlflow.db"
    )


@pytest.mark.parametrize("name", ["service", "job"])
def test_the_commands_exist(name: str) -> None:
    command, *options = SERVICES[name]["command"]
    assert parses([command, *options])


def test_the_timer_runs_a_job_that_exists_and_catches_up_after_a_stop() -> None:
    timer, service = (unit(f"holdfast.{kind}") for kind in ("timer", "service"))
    words = service["Service"]["ExecStart"].split()
    assert words[:3] == ["/usr/bin/docker", "compose", "run"]
    assert words[-2] == "job"
    assert parses(words[-1:])
    assert timer["Timer"]["Persistent"] == "true"
    assert timer["Timer"]["OnCalendar"].startswith("Mon ")
    if (program := shutil.which("systemd-analyze")) is not None:
        subprocess.run([program, "calendar", timer["Timer"]["OnCalendar"]], check=True, capture_output=True)


def test_the_commands_of_the_documentation_exist() -> None:
    text = (ROOT / "docs" / "operation.md").read_text(encoding="utf-8") + (ROOT / "compose.yaml").read_text(encoding="utf-8")
    lines = re.findall(r"compose run --rm (?:--[a-z-]+ )*job ([a-z][^\n#]*)", text)
    assert {"train", "run", "keys", "backup", "restore"} <= {line.split()[0] for line in lines}
    assert all(parses(line.split()) for line in lines)


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys of units have capitals
    parser.read(ROOT / "deploy" / name)
    return parser


def parses(words: list[str]) -> bool:
    """Whether the command line takes these words, without running them."""
    command: Any = get_command(APP)
    while words and hasattr(command, "commands"):
        command, words = command.commands[words[0]], words[1:]
    command.make_context(command.name, list(words))
    return True


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not on this machine")
def test_docker_compose_accepts_the_file() -> None:
    command = ["docker-compose", "-f", "compose.yaml", "config", "--quiet"]
    environment = os.environ | {"HOLDFAST_USER": "1000:1000"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
