"""Model parameters as JSON files."""

import json
from pathlib import Path
from typing import Any

CHURN_FILE = "churn.json"


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write `data` as indented JSON, with floats at full precision."""
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that `write_json` wrote."""
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data
