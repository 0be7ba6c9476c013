"""Commands that touch only the store start without the libraries that train, check and draw."""

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("great_expectations", "mlflow", "lightgbm", "scipy", "pandas", "matplotlib", "bentoml", "fastapi", "dask", "alembic")
COMMANDS = (
    ["keys", "list"],
    ["keys", "create", "--client", "b", "--scope", "score"],
    ["keys", "revoke", "00000000"],
    ["suppress", "7"],
    ["runs"],
    ["withdraw", "1"],
    ["keys", "list", "--json"],
    ["keys", "--help"],
)
PROGRAM = f"""
import sys
from holdfast.cli import main
try:
    main()
finally:
    print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration whose store has been migrated already."""
    config = tmp_path_factory.mktemp("shop") / "holdfast.toml"
    config.write_text('[tables]\ntransactions = "orders.csv"\n')
    _run(["keys", "list"], config)
    return config


def _run(command: list[str], config: Path) -> str:
    options = [] if "--help" in command else ["--config", str(config)]
    root = Path(__file__).resolve().parents[2]
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *command, *options], cwd=root, capture_output=True, text=True, check=False
    ).stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_on_the_store_loads_no_heavy_library(shop: Path, command: list[str]) -> None:
    assert _run(command, shop).splitlines()[-1] == "[]"
