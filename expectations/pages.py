"""The HTML of the data docs: our own front page, and Great Expectations' pages without anything from elsewhere."""

import re
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from expectations.report import TableReport

HERE = Path(__file__).parent
ELSEWHERE = re.compile(
    r"""<script[^>]*src=["']https?:[^>]*>\s*</script>|<(?:link|img|source)[^>]*(?:href|src|srcset)=["']https?:[^>]*>|<footer.*?</footer>""",
    re.DOTALL,
)
EXAMPLE = re.compile(r', such as ".*"')


def front_page(reports: list[TableReport], reasons: dict[str, str], details: dict[str, str], checked: datetime) -> str:
    """Return the front page: a row per table, counts and causes in words, and a link to every check.

    `reasons` says in words what each rule means, `details` where each table's page lies. No cell of a table is shown.
    """
    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    return environment.get_template("index.html.j2").render(
        reports=reports,
        reasons=reasons,
        details=details,
        problems={report.table: EXAMPLE.sub("", report.problem or "") for report in reports},
        checked=f"{checked:%Y-%m-%d %H:%M}",
        styles=_styles(),
    )


def self_contained(html: str) -> str:
    """Return a page without anything from another server, with our own layout.

    Great Expectations loads scripts, styles and a picture that carries an id of this project from elsewhere.
    """
    own = f"<style>{_styles()}</style>"
    bare = ELSEWHERE.sub("", html)
    return bare if own in bare else bare.replace("</head>", f"{own}</head>", 1)


def _styles() -> str:
    return (HERE / "data_docs.css").read_text(encoding="utf-8")
