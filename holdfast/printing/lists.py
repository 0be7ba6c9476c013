"""An issued list on the console: what it should bring, why others are not on it, what changed."""

from pathlib import Path
from typing import Any

from rich.console import Console

from serving.lists.changes import SENTENCES
from serving.lists.weekly import WeeklyList
from serving.store.issued import IssuedList
from serving.targeting.exclusions import Exclusion, exclusion_sentence
from settings.sections import Settings


def print_issued(console: Console, weekly: WeeklyList, issued: IssuedList, path: Path, settings: Settings) -> None:
    """A few lines per list."""
    told, currency = weekly.summary, settings.value.currency
    console.print(
        f"{weekly.kind}, week {weekly.week}: {told['treated']:,} customers to act on for {told['action_cost']:,.2f} "
        f"{currency}, {told['control']:,} held out; expected gain {told['expected_gain']:,.2f} {currency}, value at risk "
        f"{told['value_at_risk']:,.2f} {currency}. Issued as {issued.list_id}, file {path}"
    )
    print_left_out(console, told["left_out"], settings)
    print_changes(console, told["changes"], settings)


def print_changes(console: Console, changed: dict[str, Any] | None, settings: Settings) -> None:
    """How the list differs from the one of an earlier week; nothing where there was none."""
    if changed:
        gone = "; ".join(f"{count:,} {_gone(reason, count, settings)}" for reason, count in changed["gone"].items())
        against = f"{changed['week']}: {changed['new']:,} new, {changed['stayed']:,} stayed"
        console.print(f"  Against {against}. Gone: {gone or 'nobody'}.")


def print_left_out(console: Console, left_out: dict[str, int], settings: Settings) -> None:
    """Who could have been on the list and is not."""
    if left_out:
        said = "; ".join(exclusion_sentence(reason, count, settings.targeting) for reason, count in left_out.items())
        console.print(f"  Left out: {said}.")


def _gone(reason: str, count: int, settings: Settings) -> str:
    if reason in set(Exclusion):
        return exclusion_sentence(reason, count, settings.targeting).partition(" ")[2]
    return SENTENCES[reason]
