"""Model parameters as JSON files."""

import json
from pathlib import Path
from typing import Any

from models.checksums import DamagedFileError

CHURN_FILE = "churn.json"


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write `data` as indented JSON, with floats at full precision."""
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that `write_json` wrote. Raises DamagedFileError if it is missing, cut or something else."""
    try:
        data = json.loads(read_text(path))
    except ValueError:
        raise DamagedFileError(path, "is cut or not JSON") from None
    if not isinstance(data, dict):
        raise DamagedFileError(path, "does not hold the parameters of a model")
    return data


def read_text(path: Path) -> str:
    """Read a text file. Raises DamagedFileError if it is missing or not text."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DamagedFileError(path, "is missing") from None
    except UnicodeDecodeError:
        raise DamagedFileError(path, "is not text") from None
