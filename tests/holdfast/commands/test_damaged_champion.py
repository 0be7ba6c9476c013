from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., tuple[int, str, str]]
USERS = (("score", "--no-publish"), ("run",), ("rollback",))


@pytest.mark.parametrize("command", USERS)
@pytest.mark.parametrize(
    ("file", "content"),
    [("CURRENT", b""), ("CURRENT", b"1"), ("CURRENT", b"9\n"), ("1/champion.json", b'{"terms"'), ("1/churn.json", b"")],
)
def test_a_damaged_champion_is_one_sentence_of_every_command(
    workshop: Path, holdfast: Run, command: tuple[str, ...], file: str, content: bytes
) -> None:
    (workshop.parent / "workspace" / "champion" / file).write_bytes(content)
    code, _, problem = holdfast(*command, "--config", workshop)
    last = problem.splitlines()[-1]
    assert (code, "Traceback" in problem) == (2, False)
    if command == ("rollback",):
        assert last == "There is no previous champion to go back to."
    else:
        assert last.startswith(f"champion/{file} in the workspace ")
        assert "`promote " in last


def test_a_cut_booster_ends_no_process_and_promote_writes_it_again(workshop: Path, holdfast: Run) -> None:
    champions = workshop.parent / "workspace" / "champion"
    for booster in sorted((champions / "1").rglob("*.lgb.txt")):
        whole = booster.read_bytes()
        booster.write_bytes(whole[: len(whole) // 3])
        code, _, problem = holdfast("score", "--no-publish", "--config", workshop)
        name = booster.relative_to(champions).as_posix()
        assert (code, f"champion/{name} in the workspace is cut: {len(whole) // 3:,} of {len(whole):,} bytes" in problem) == (
            2,
            True,
        )
        assert holdfast("promote", "1", "--config", workshop)[0] == 0
        assert booster.read_bytes() == whole
