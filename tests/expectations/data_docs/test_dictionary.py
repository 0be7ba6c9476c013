from pathlib import Path

from expectations.data_docs.dictionary import render_page


def test_docs_checks_md_is_up_to_date() -> None:
    assert Path("docs/checks.md").read_text(encoding="utf-8") == render_page()
