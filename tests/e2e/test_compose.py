"""Checks of compose.yaml that need no container engine."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]


def test_the_service_postgresql_and_mlflow_each_have_an_image_or_an_existing_build_file() -> None:
    assert set(SERVICES) == {"service", "postgres", "mlflow"}
    for service in SERVICES.values():
        assert ("image" in service) != ("build" in service)
        assert (ROOT / service.get("build", {}).get("dockerfile", "compose.yaml")).is_file()


def test_everything_that_a_service_refers_to_exists() -> None:
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
        for source in (volume.split(":")[0] for volume in service.get("volumes", [])):
            assert source in COMPOSE["volumes"] or source == "./company" or (ROOT / source).is_file()


def test_ports_are_open_on_this_machine_only_and_no_password_is_written_down() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert "HOLDFAST_DB_PASSWORD:?" in SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"]


def test_the_environment_of_the_service_is_valid_settings(tmp_path: Path) -> None:
    from settings.load import load_settings

    (tmp_path / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\n', encoding="utf-8")
    settings = load_settings(tmp_path / "holdfast.toml", SERVICES["service"]["environment"])
    assert settings.store_url.startswith("postgresql://holdfast:")
    assert settings.secret_path == Path("/run/secrets/holdfast_secret")


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not on this machine")
def test_docker_compose_accepts_the_file() -> None:
    command = ["docker-compose", "-f", "compose.yaml", "config", "--quiet"]
    environment = os.environ | {"HOLDFAST_DB_PASSWORD": "x"}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
