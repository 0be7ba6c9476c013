"""The one kind of Jinja environment, and the stylesheet that all pages start from."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

BASE_STYLESHEET = Path(__file__).parent / "base.css"


def template_environment(folder: Path, filters: Mapping[str, Callable[..., Any]] | None = None) -> Environment:
    """Return an environment for the templates of a folder: values are escaped, and an unknown name is an error."""
    environment = Environment(
        loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= dict(filters or {})
    return environment


def read_styles(*stylesheets: Path) -> str:
    """Return the base stylesheet followed by these, for a page that carries its own styles."""
    return "\n".join(path.read_text(encoding="utf-8") for path in (BASE_STYLESHEET, *stylesheets))
