"""Publish a champion in the workspace, or return to the previous one: each change can be killed anywhere and completed later.

The order is: the intended change (CHANGE), the folder of the champion, CURRENT, FORMER. CURRENT decides. A change that was
killed before CURRENT was written has not happened; after that it is completed from CHANGE.
"""

import json
import shutil
from dataclasses import asdict, dataclass, fields
from itertools import count
from pathlib import Path

from features.storage.durable import replace_durably
from features.storage.files import scratch_folder, write_durably
from models.champion import CHANGE, CURRENT, PREVIOUS, champion_names, current_name, is_folder_name
from models.checksums import DamagedFileError, content_digest, is_cut_copy, recorded_digest, refuse_damage
from models.errors import ChampionError, DamagedChampionError, NoChampionError


@dataclass(frozen=True)
class Change:
    """A change of the champion: which command makes it, the registered version, and CURRENT and FORMER after it.

    `replaced` is the champion before it; None before the first one, or where it was unknown. `is_new` tells a folder that was
    created for this change.
    """

    command: str
    version: str
    current: str
    previous: list[str]
    replaced: str | None = None
    is_new: bool = False


def publish_champion(source: Path, version: str, champions: Path, command: str = "promote") -> Path:
    """Copy `source` to `champions/<version>`, make it current, and return the folder.

    A folder that holds this champion already is kept, and repaired where it is damaged. CHANGE stays until `end_change`.
    """
    target = _folder_for(source, version, champions)
    replaced = known_current_name(champions)
    before = read_previous(champions)
    previous = before if replaced in {None, target.name} or before[-1:] == [replaced] else [*before, str(replaced)]
    change = Change(command, version, target.name, previous, replaced, is_new=not target.exists())
    _write_change(champions, change)
    _copy_champion(source, target)
    _make_current(champions, change)
    return target


def previous_champion(champions: Path) -> str | None:
    """Return the folder name of the champion before the current one; None if there is none."""
    current = known_current_name(champions)
    return next((name for name in reversed(read_previous(champions)) if name != current), None)


def restore_champion(name: str, champions: Path) -> Change:
    """Make a previous champion current again and return the change; the next rollback leads to the one before it.

    CHANGE stays until `end_change`.
    """
    names = read_previous(champions)
    previous = names[: len(names) - 1 - names[::-1].index(name)]
    change = Change("rollback", name.partition("-")[0], name, previous, known_current_name(champions))
    _write_change(champions, change)
    _make_current(champions, change)
    return change


def recover_change(champions: Path) -> Change | None:
    """Complete a change that was killed, and return it; None if there was none, or if it had not happened yet.

    A change that had not happened leaves nothing behind. CHANGE of a completed one stays until `end_change`.
    """
    change = _read_change(champions)
    if change is not None and known_current_name(champions) == change.current:
        _write_lines(champions / PREVIOUS, change.previous)
        return change
    if change is not None and change.is_new and _is_unused(champions, change.current):
        shutil.rmtree(champions / change.current, ignore_errors=True)
    end_change(champions)
    return None


def _is_unused(champions: Path, name: str) -> bool:
    """Whether the pointer can be read and neither it nor the list of previous champions has this name."""
    try:
        return name not in {current_name(champions), *read_previous(champions)}
    except NoChampionError:
        return True
    except DamagedChampionError:
        return False


def end_change(champions: Path) -> None:
    """Forget the last change: the command that made it has said so."""
    (champions / CHANGE).unlink(missing_ok=True)


def known_current_name(champions: Path) -> str | None:
    """Return the name of the current champion; None if there is none or the pointer is damaged."""
    try:
        return current_name(champions)
    except ChampionError:
        return None


def read_previous(champions: Path) -> list[str]:
    """Return the previous champions whose folders exist, oldest first; a cut last line does not count."""
    path = champions / PREVIOUS
    text = path.read_bytes().decode("utf-8", errors="replace") if path.is_file() else ""
    lines = [line.strip() for line in text.splitlines(keepends=True) if line.endswith("\n")]
    existing = set(champion_names(champions))
    return [line for line in lines if is_folder_name(line) and line in existing]


def refuse_cut_history(champions: Path) -> None:
    """Raise DamagedChampionError if the list of previous champions was cut, so that the newest one is unknown."""
    path = champions / PREVIOUS
    data = path.read_bytes() if path.is_file() else b""
    if data and (not data.endswith(b"\n") or b"\0" in data):
        raise DamagedChampionError(
            f"champion/{PREVIOUS} is cut, so the previous champion is unknown; "
            f"champion/ holds {', '.join(champion_names(champions))}: `promote VERSION` makes one of them champion."
        )


def is_same_champion(source: Path, folder: Path) -> bool:
    """Whether `folder` holds the champion in `source`, complete or damaged."""
    digest = content_digest(source)
    return digest in {recorded_digest(folder), content_digest(folder)} or is_cut_copy(folder, source)


def is_intact(folder: Path) -> bool:
    """Whether the files of a champion are those that were written, as far as it recorded them."""
    try:
        refuse_damage(folder)
    except (DamagedFileError, OSError):
        return False
    return True


def _folder_for(source: Path, version: str, champions: Path) -> Path:
    """Return a folder that holds this same champion, or one that does not exist yet: another champion is never overwritten.

    A new registry starts its version numbers over; a folder for a repeated version is called 1-2, 1-3 and so on.
    """
    names = (f"{version}-{number}" if number > 1 else version for number in count(1))
    return next(path for name in names if not (path := champions / name).exists() or is_same_champion(source, path))


def _copy_champion(source: Path, target: Path) -> None:
    if not target.exists():
        with scratch_folder(target) as temporary:
            shutil.copytree(source, temporary, dirs_exist_ok=True)
            replace_durably(temporary, target)
    elif not is_intact(target) or content_digest(target) != content_digest(source):
        for path in sorted(path for path in source.rglob("*") if path.is_file()):
            write_durably(target / path.relative_to(source), path.read_bytes())


def _make_current(champions: Path, change: Change) -> None:
    _write_lines(champions / CURRENT, [change.current])
    _write_lines(champions / PREVIOUS, change.previous)


def _write_lines(path: Path, lines: list[str]) -> None:
    write_durably(path, "".join(f"{line}\n" for line in lines).encode())


def _write_change(champions: Path, change: Change) -> None:
    write_durably(champions / CHANGE, json.dumps(asdict(change)).encode())


def _read_change(champions: Path) -> Change | None:
    try:
        data = json.loads((champions / CHANGE).read_bytes())
        return Change(**{field.name: data[field.name] for field in fields(Change)})
    except (OSError, ValueError, KeyError, TypeError):
        return None
