import json
from collections.abc import Callable
from pathlib import Path

import polars as pl

from features.build import FEATURES
from features.dictionary import feature_dictionary, render_markdown

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_in_the_docs_is_up_to_date() -> None:
    assert (ROOT / "docs" / "features.md").read_text(encoding="utf-8") == render_markdown()


def test_every_column_has_one_entry_in_words() -> None:
    entries = feature_dictionary()
    assert [entry["name"] for entry in entries] == [feature.name for feature in FEATURES]
    assert len({entry["name"] for entry in entries}) == len(entries)
    assert all(entry[key] for entry in entries for key in ("family", "unit", "meaning", "null"))


def test_the_dictionary_is_written_beside_the_features_and_describes_their_columns(
    demo: Path, holdfast: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    out = tmp_path / "features.parquet"
    assert holdfast("features", "--config", demo / "holdfast.toml", "--as-of", "2024-06-01", "--out", out)[0] == 0
    entries = json.loads((tmp_path / "features.dictionary.json").read_text())
    schema = pl.read_parquet_schema(out)
    assert ["customer_id", "as_of", *(entry["name"] for entry in entries)] == list(schema)
    assert {entry["name"]: entry["type"] for entry in entries} == {
        name: "text" if dtype == pl.String else "number" for name, dtype in list(schema.items())[2:]
    }
