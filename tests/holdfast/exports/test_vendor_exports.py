"""`init` on exports of vendors: one small shop, written as each vendor writes it, is read with the same orders each time."""

import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from expectations.validation.tables import check_tables, good_tables
from settings.load import load_settings

Run = Callable[..., tuple[int, str, str]]
NOW = datetime(2026, 6, 1)


def test_an_export_is_read_with_the_right_orders(
    export: tuple[list[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holdfast: Run
) -> None:
    monkeypatch.chdir(tmp_path)
    places, right = export
    code, output, error = holdfast("init", *places)
    assert code == 0, output + error
    settings = load_settings(tmp_path / "holdfast.toml", {})
    reports = {report.table: report for report in check_tables(settings, NOW)}
    assert all(report.usable for report in reports.values()), reports
    lines = (
        good_tables(settings, ["transactions"]).transactions.select("customer_id", "order_id", "ordered_at", "amount").collect()
    )
    assert sorted((c, o, at, round(amount, 2)) for c, o, at, amount in lines.rows()) == sorted(right.lines)
    assert set(reports) == right.settings.get("tables", {"transactions"})
    assert ("left_out" in reports["transactions"].rules) == right.settings.get("left_out", False)
    assert reports["transactions"].rules.get("missing_customer_id", 0) == right.settings.get("guests", 0)
    assert settings.workspace.time_zone == right.settings.get("zone", "UTC")
    raw = tomllib.loads((tmp_path / "holdfast.toml").read_text(encoding="utf-8"))
    assert raw["value"].get("currency") == right.settings.get("currency")
    assert "Next: holdfast train, then holdfast run" in " ".join(output.split())
