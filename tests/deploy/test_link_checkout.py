import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty virtual environment, linked to the checkout."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", folder], check=True)
    subprocess.run([folder / "bin" / "python", ROOT / "deploy" / "link_checkout.py"], check=True)
    return folder


def test_the_launcher_runs_from_any_folder(environment: Path, tmp_path: Path) -> None:
    packages = Path("lib", f"python3.{sys.version_info.minor}", "site-packages")
    line = f"import site; site.addsitedir({str(Path(sys.prefix) / packages)!r})"
    (environment / packages / "tools.pth").write_text(f"{line}\n")
    output = subprocess.check_output([environment / "bin" / "holdfast", "--help"], cwd=tmp_path, text=True)
    assert "demo" in output
    assert "predict" in output.lower()


def test_modules_are_importable_from_any_folder(environment: Path, tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    program = "import settings.clock; print(settings.clock.__file__)"
    output = subprocess.check_output([environment / "bin" / "python", "-c", program], cwd=tmp_path, text=True, env=clean)
    assert Path(output.strip()) == ROOT / "settings" / "clock.py"
