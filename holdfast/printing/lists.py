"""Print an issued list: its expected gain, who was excluded and why, and what changed."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from features.rendering.amounts import format_amount, format_rough
from serving.lists.changes import CHANGE_PHRASES
from serving.lists.summary import losing_sentence
from serving.lists.weekly import WeeklyList
from serving.scoring.recency_value import RecencyValueList
from serving.store.lists.issued import IssuedList
from serving.targeting.exclusions import Exclusion, exclusion_sentence
from settings.sections import Settings

ALWAYS_HINT = "Complaints are answered, whatever an answer gains; `always = false` on the action changes that."


def print_issued(console: Console, weekly: WeeklyList, issued: IssuedList, counting: str, path: Path, settings: Settings) -> None:
    """Print a few lines per list: size, cost, expected gain, file, which list counts, exclusions and changes."""
    summary, currency = weekly.summary, settings.value.currency
    console.print(
        f"{weekly.kind}, week {weekly.week}: {summary['treated']:,} customers to act on for "
        f"{format_amount(summary['action_cost'], 2)} {currency}, {summary['control']:,} held out; "
        f"{gain_phrase(summary, currency)}; expected loss if nothing is done "
        f"{format_amount(summary['value_at_risk'], 2)} {currency}. Issued as {issued.list_id}, file {path}"
    )
    console.print(f"  {counting}")
    print_evidence(console, summary)
    print_losing(console, summary, settings)
    print_exclusions(console, summary["left_out"], settings)
    print_length(console, summary)
    print_changes(console, summary["changes"], settings)


def print_small_shop(console: Console, ranked: RecencyValueList, paths: list[Path]) -> None:
    """Print how many customers a list by recency and value has in each group, what it cannot say, and its files."""
    console.print(ranked.sentence)
    table = Table(title="Customers by value, and days since their order", title_justify="left")
    for name in ("value", "customers", "net spend", "days since the order"):
        table.add_column(name, justify="left" if name == "value" else "right")
    for group, customers, spend, least, most in ranked.groups().iter_rows():
        table.add_row(group, f"{customers:,}", format_amount(spend, 2), f"{least:,} to {most:,}")
    console.print(table)
    if ranked.barred:
        console.print(f"Left out, because they objected or have not consented to marketing: {ranked.barred:,}.")
    console.print(f"Files: {', '.join(str(path) for path in paths)}")
    console.print("Next: load more orders; once a customer has bought again, `holdfast train` fits models.")


def gain_phrase(summary: dict[str, Any], currency: str) -> str:
    """Return the expected gain with its horizon: with two digits and as assumed, unless a trial supports it.

    No sum of money where the forecasts were never tested, or cannot rank customers.
    """
    if not summary["evidence"].get("is_promised", True):
        return "no gain is promised"
    unit = f"{currency} over {summary['value_horizon_days']} days"
    gain, is_assumed = summary["expected_gain"], summary["evidence"]["is_assumed"]
    return f"assumed gain about {format_rough(gain)} {unit}" if is_assumed else f"expected gain {format_amount(gain, 2)} {unit}"


def print_evidence(console: Console, summary: dict[str, Any]) -> None:
    """Print what the company's own trials say about the expected gain."""
    console.print(f"  {summary['evidence']['sentence']}")


def print_length(console: Console, summary: dict[str, Any]) -> None:
    """Print why the list is empty or holds nearly all customers, and what to change; nothing for other lists."""
    if summary["length"] is not None:
        console.print(f"  {summary['length']}", markup=False)


def print_losing(console: Console, summary: dict[str, Any], settings: Settings) -> None:
    """Print how many answers cost more than they are expected to bring; nothing if none does."""
    sentence = losing_sentence(summary, settings.value.currency)
    if sentence is not None:
        console.print(f"  {sentence} {ALWAYS_HINT}", markup=False)


def print_changes(console: Console, changes: dict[str, Any] | None, settings: Settings) -> None:
    """Print how the list differs from that of an earlier week; nothing if there was none."""
    if changes:
        gone = "; ".join(f"{count:,} {_leaving_reason(reason, count, settings)}" for reason, count in changes["gone"].items())
        counts = f"{changes['new']:,} new, {changes['stayed']:,} on both lists"
        console.print(f"  Compared with {changes['week']}: {counts}. No longer listed: {gone or 'none'}.")


def print_exclusions(console: Console, exclusions: dict[str, int], settings: Settings) -> None:
    """Print how many candidates are not on the list, by reason; nothing if there are none."""
    if exclusions:
        sentences = (exclusion_sentence(reason, count, settings.targeting) for reason, count in exclusions.items())
        console.print(f"  Excluded: {'; '.join(sentences)}.")


def _leaving_reason(reason: str, count: int, settings: Settings) -> str:
    if reason in set(Exclusion):
        return exclusion_sentence(reason, count, settings.targeting).partition(" ")[2]
    return CHANGE_PHRASES[reason]
