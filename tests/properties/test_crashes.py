"""A thousand random steps, killed, damaged and overtaken by erasures, break nothing (benchmarks/crashes)."""

from pathlib import Path

import pytest

from benchmarks.crashes.driver import BrokenInvariantError, Driver

STEPS, WORKSPACES = 250, 4


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(WORKSPACES))
def test_a_thousand_random_steps_break_no_invariant(seed: int, tmp_path: Path) -> None:
    driver = Driver(tmp_path, seed)
    counts = driver.run(STEPS)
    driver.close()
    taken = {name: count for name, count in counts.items() if name not in {"killed", "withdrawn twice", "checked"}}
    assert sum(taken.values()) == STEPS
    assert counts["killed"] > STEPS / 20
    assert min(counts[name] for name in ("publish", "issue", "erase", "serve")) > 0


@pytest.mark.parametrize(
    ("name", "steps", "found"),
    [
        ("benchmarks.crashes.driver.complete_erasures", ("publish", "write_table", "erase_during_command"), "holds an erased id"),
        ("serving.privacy.objections.append_to_log", ("publish", "back_up", "object", "lose_store"), "no longer withheld"),
    ],
)
def test_the_driver_notices_what_breaks(
    name: str, steps: tuple[str, ...], found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = Driver(tmp_path, 1)
    monkeypatch.setattr(name, lambda *_: [])
    with pytest.raises(BrokenInvariantError, match=found):
        driver.take_all(steps)
    driver.close()
