import ast
import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("settings", "features", "models", "expectations", "training", "serving", "holdfast")
NEEDS_DEMO = "holdfast.api"


def modules_with_examples() -> list[str]:
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    with_examples = [path.relative_to(ROOT) for path in files if ">>> " in path.read_text(encoding="utf-8")]
    return [".".join(path.with_suffix("").parts) for path in with_examples]


def run_examples(module: str) -> None:
    results = doctest.testmod(importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize("module", [module for module in modules_with_examples() if module != NEEDS_DEMO])
def test_the_examples_of_a_module_give_what_they_show(module: str) -> None:
    run_examples(module)


@pytest.mark.slow
def test_the_examples_of_the_public_functions_run_on_the_demo(
    short_workshop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo").symlink_to(short_workshop.parent)
    monkeypatch.chdir(tmp_path)
    run_examples(NEEDS_DEMO)


def test_what_a_data_scientist_calls_has_an_example() -> None:
    assert {"models.btyd.bgnbd", "models.btyd.gamma_gamma", "features.build", NEEDS_DEMO} <= set(modules_with_examples())
    tree = ast.parse((ROOT / "holdfast" / "api.py").read_text(encoding="utf-8"))
    functions = {node.name: ast.get_docstring(node) or "" for node in tree.body if isinstance(node, ast.FunctionDef)}
    for name in ("open_workspace", "features", "train", "compare", "score"):
        assert ">>> " in functions[name], name
