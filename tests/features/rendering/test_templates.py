from pathlib import Path

import pytest
from jinja2 import UndefinedError

from features.rendering.figures import render_figure
from features.rendering.templates import read_styles, template_environment


def test_values_are_escaped_and_an_unknown_name_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "page.j2").write_text("<p>{{ value | shout }}</p>{{ missing }}")
    page = template_environment(tmp_path, {"shout": str.upper}).get_template("page.j2")
    with pytest.raises(UndefinedError, match="missing"):
        page.render(value="a")
    assert page.render(value="<b>", missing="") == "<p>&lt;B&gt;</p>"


@pytest.mark.parametrize("template", ["training/reports/comparison.html.j2", "expectations/data_docs/templates/base.html.j2"])
def test_pages_that_carry_their_styles_do_not_escape_them(template: str) -> None:
    root = Path(__file__).resolve().parents[3]
    assert '"Segoe UI"' in read_styles()
    assert "{{ styles | safe }}" in (root / template).read_text(encoding="utf-8")


@pytest.mark.parametrize(("kind", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_equal_figures_give_equal_bytes(kind: str, start: bytes) -> None:
    first, second = (render_figure(lambda figure: figure.subplots().plot([1, 3, 2]), 3, 2, kind=kind) for _ in range(2))
    assert first == second
    assert first.startswith(start)
