"""compose.yaml as far as it can be looked at without a container engine."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TOLD = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = TOLD["services"]


def test_there_are_the_service_postgresql_and_mlflow_each_from_an_image_or_a_file_that_is_there() -> None:
    assert set(SERVICES) == {"service", "postgres", "mlflow"}
    for told in SERVICES.values():
        assert ("image" in told) != ("build" in told)
        assert (ROOT / told.get("build", {}).get("dockerfile", "compose.yaml")).is_file()


def test_whatever_a_service_refers_to_is_there() -> None:
    for told in SERVICES.values():
        assert set(told.get("depends_on", {})) <= set(SERVICES)
        assert set(told.get("secrets", [])) <= set(TOLD["secrets"])
        for source in (volume.split(":")[0] for volume in told.get("volumes", [])):
            assert source in TOLD["volumes"] or source == "./company" or (ROOT / source).is_file()


def test_nothing_is_open_beyond_this_machine_and_no_password_is_written_down() -> None:
    ports = [port for told in SERVICES.values() for port in told.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert "HOLDFAST_DB_PASSWORD:?" in SERVICES["postgres"]["environment"]["POSTGRES_PASSWORD"]


def test_the_settings_that_the_service_gets_are_settings(tmp_path: Path) -> None:
    from settings.load import load_settings

    (tmp_path / "holdfast.toml").write_text('[tables]\ntransactions = "orders.csv"\n', encoding="utf-8")
    settings = load_settings(tmp_path / "holdfast.toml", SERVICES["service"]["environment"])
    assert settings.store_url.startswith("postgresql://holdfast:")
    assert settings.secret_path == Path("/run/secrets/holdfast_secret")


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not on this machine")
def test_docker_compose_reads_it() -> None:
    command = ["docker-compose", "-f", "compose.yaml", "config", "--quiet"]
    known = os.environ | {"HOLDFAST_DB_PASSWORD": "x"}
    read = subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
