from pathlib import Path

from expectations.data_docs.dictionary import page


def test_the_page_of_checks_is_the_one_that_the_code_writes() -> None:
    assert Path("docs/checks.md").read_text(encoding="utf-8") == page()
