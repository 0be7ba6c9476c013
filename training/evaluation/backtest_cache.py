"""The newest backtest of a workspace, kept so that the same comparison on the same data is not computed twice."""

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from features.storage.files import atomic_path, write_durably
from training.contestants import Contestants
from training.evaluation.backtest_result import Backtest
from training.evaluation.feature_importance import Explanation

FOLDER, PREDICTIONS, REST = "backtest", "predictions.parquet", "backtest.json"
ROOT = Path(__file__).resolve().parents[2]
ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")  # in the text of an expression; it differs from process to process
CODE = ("settings", "features", "models", "training")


@dataclass(frozen=True)
class KeptBacktest:
    """A backtest without its fitted models, what they explained, the notes on its data, and the churn horizon."""

    result: Backtest
    explanation: Explanation | None
    notes: list[str]
    horizon_days: int


def backtest_key(inputs: dict[str, Any], contestants: Contestants) -> str:
    """Return what identifies a backtest: its inputs (data, day, windows), the contestants, and the code."""
    described = ADDRESS.sub("", f"{sorted(inputs.items())} {contestants}")
    return sha256(f"{described} {_code_digest()}".encode()).hexdigest()


def keep_backtest(workspace: Path, key: str, kept: KeptBacktest) -> None:
    """Keep a backtest in place of the one before; nothing is kept where there was no past day.

    The file of predictions has customer ids; an erasure removes its rows as from any table of the workspace.
    """
    folder = workspace / FOLDER
    (folder / REST).unlink(missing_ok=True)  # from here on the old one does not count
    if kept.result.frame is None:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / PREDICTIONS) as temporary:
        kept.result.frame.write_parquet(temporary)
    rest = {
        "key": key,
        "limits": kept.result.limits,
        "behind": kept.result.behind,
        "explanation": kept.explanation and kept.explanation.to_json(),
        "notes": kept.notes,
        "horizon_days": kept.horizon_days,
        "rows": kept.result.frame.height,
    }
    write_durably(folder / REST, (json.dumps(rest) + "\n").encode())


def find_backtest(workspace: Path, key: str) -> KeptBacktest | None:
    """Return the kept backtest of that key; None if there is none, or if it is incomplete."""
    folder = workspace / FOLDER
    try:
        rest = json.loads((folder / REST).read_bytes())
        if rest["key"] != key:
            return None
        frame = pl.read_parquet(folder / PREDICTIONS)
    except (OSError, ValueError, KeyError, pl.exceptions.PolarsError):
        return None
    if frame.height != rest["rows"]:  # customers were erased since
        return None
    explanation = None if rest["explanation"] is None else Explanation.from_json(rest["explanation"])
    return KeptBacktest(
        Backtest(frame, rest["limits"], behind=tuple(rest["behind"])), explanation, rest["notes"], rest["horizon_days"]
    )


def _code_digest() -> str:
    digest = sha256()
    for path in sorted(path for part in CODE for path in (ROOT / part).rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
