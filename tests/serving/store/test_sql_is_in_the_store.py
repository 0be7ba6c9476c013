"""Only serving/store/ builds and runs SQL; other folders call its functions and name engines and connections in types.

The exception is about MLflow's own store, whose paths its interface cannot change.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("serving", "holdfast", "training")
STORE = ROOT / "serving" / "store"
STORE_OF_MLFLOW = ROOT / "training" / "registry" / "moved_workspace.py"
CONSTRUCTS = {"select", "insert", "update", "delete", "text", "func", "table", "column", "bindparam"}
METHODS = {"execute", "executemany", "exec_driver_sql", "scalar", "scalars"}


def sql_in(source: str) -> Iterator[str]:
    """Yield each use of SQLAlchemy's constructs and each call that runs a statement, with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy":
            yield from (f"line {node.lineno}: import {name.name}" for name in node.names if name.name in CONSTRUCTS)
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in {"sa", "sqlalchemy"}:
            if node.attr in CONSTRUCTS:
                yield f"line {node.lineno}: {node.value.id}.{node.attr}"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            yield f"line {node.lineno}: .{node.func.attr}(...)"


def test_no_file_outside_the_store_holds_sql() -> None:
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py") if STORE not in path.parents]
    files.remove(STORE_OF_MLFLOW)
    assert len(files) > 100
    uses = {str(path.relative_to(ROOT)): list(sql_in(path.read_text(encoding="utf-8"))) for path in files}
    assert {path: lines for path, lines in uses.items() if lines} == {}


@pytest.mark.parametrize(
    ("source", "use"),
    [
        ("import sqlalchemy as sa\nquery = sa.select(1)", "line 2: sa.select"),
        ("from sqlalchemy import text", "line 1: import text"),
        ("connection.execute(query)", "line 1: .execute(...)"),
        ("def f(engine: sa.Engine) -> sa.Connection: ...", None),
    ],
)
def test_sql_is_recognised_and_types_are_not(source: str, use: str | None) -> None:
    assert list(sql_in(source)) == ([] if use is None else [use])
