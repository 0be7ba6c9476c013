"""Why a list is empty, or holds nearly all customers, and what to change."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from models.champion import at_risk_from, read_base_rate
from serving.schemas.list_kind import ListKind
from serving.store.read import read_run_context
from serving.store.runs import Run, read_run_summary
from serving.targeting.exclusions import Exclusion, exclusion_sentence
from settings.sections import Settings

NEARLY_ALL, MIN_CUSTOMERS = 0.9, 20
BY_GAIN = "keeps those with the largest expected gains"


@dataclass(frozen=True)
class Selection:
    """The customers that a run's lists select from: existing and former ones, and the p_churn from which they are at risk.

    `highest` is the largest p_churn of existing customers, None without one. `base_rate` is their mean p_churn at training, None
    if it is not known.
    """

    existing: int
    former: int
    highest: float | None
    at_risk_from: float
    base_rate: float | None


def selection_of(settings: Settings, engine: sa.Engine, run: Run) -> Selection:
    """Return what the lists of a run select from."""
    _, ranks = read_run_context(engine, run.run_id)
    base_rate = read_base_rate(settings.workspace.path / "champion", run.model_version)
    groups = (read_run_summary(engine, run) or {}).get("groups", {}).get("status", ())
    return Selection(
        existing=len(ranks),
        former=sum(group["customers"] for group in groups if group["name"] == "former"),
        highest=float(ranks[-1]) if len(ranks) else None,
        at_risk_from=at_risk_from(settings.targeting.at_risk_threshold, base_rate),
        base_rate=base_rate,
    )


def length_sentence(kind: ListKind, summary: Mapping[str, Any], selection: Selection, settings: Settings) -> str | None:
    """Return why a list is empty or holds nearly all customers it could, with what to change; None for other lists."""
    if not summary["candidates"]:
        return f"No customer is on the list: {_no_candidates(kind, selection, settings)}"
    if not summary["rows"]:
        return _all_left_out(summary, settings)
    return _nearly_all(kind, summary["rows"], selection)


def _no_candidates(kind: ListKind, selection: Selection, settings: Settings) -> str:
    if kind is ListKind.RECOVERY:
        return "no complaint is open, and none left a customer dissatisfied. Complaints come from the table `complaints`."
    if kind is ListKind.WIN_BACK:
        return "no customer is a former one. Customers are former after `churn.active_days` days without an order."
    if selection.highest is None:
        return "no customer has ordered in the last `churn.active_days` days; former customers are on the win-back list."
    base = f"{selection.base_rate:.2f}" if selection.base_rate is not None else "not known for this champion"
    if settings.targeting.at_risk_threshold is not None and selection.highest < selection.at_risk_from:
        return (
            f"the highest p_churn of {selection.existing:,} existing customers is {selection.highest:.2f}, below "
            f"targeting.at_risk_threshold = {selection.at_risk_from:g}. Lower it, or leave it out: then customers above the base "
            f"rate ({base}) are at risk."
        )
    if selection.highest < selection.at_risk_from:
        return (
            f"no p_churn of {selection.existing:,} existing customers is above the base rate at training ({base}). Train again "
            "if the log has grown; `targeting.at_risk_threshold` sets another bound."
        )
    return "every customer at risk has a complaint to be answered first, and is on the recovery list."


ADVICE = {
    Exclusion.OBJECTED: "Objections stay.",
    Exclusion.NO_CONSENT: "Consent comes from the customers table; see docs/tables.md.",
    Exclusion.UNCERTAIN_CONSENT: "`holdfast validate` names the rows to mend.",
    Exclusion.NO_ACTION: "Check `kind`, `statuses`, `level` and `buyers` of [[targeting.actions]].",
    Exclusion.NOT_WORTH_IT: "A cheaper action pays for customers of less value: see `cost` of [[targeting.actions]].",
    Exclusion.CONTACTED: "They are free again after `targeting.pause_days`.",
    Exclusion.HELD_OUT: "They are free again after `targeting.control_hold_days`.",
    Exclusion.BUDGET: "Raise `targeting.budget`, or the budget of this list.",
    Exclusion.LIMIT: "Raise the number of rows.",
}
CAPS_ADVICE = "Raise the cap in [targeting.caps]."


def _all_left_out(summary: Mapping[str, Any], settings: Settings) -> str:
    reason, count = max(summary["left_out"].items(), key=lambda item: item[1])
    excluded = exclusion_sentence(reason, count, settings.targeting)
    advice = ADVICE.get(Exclusion(reason), CAPS_ADVICE if reason.startswith("cap_") else "")
    return f"No customer is on the list: of {summary['candidates']:,} candidates, {excluded}. {advice}".rstrip()


def _nearly_all(kind: ListKind, rows: int, selection: Selection) -> str | None:
    if kind is ListKind.RECOVERY:
        return None
    whole, word = (selection.existing, "existing") if kind is ListKind.AT_RISK else (selection.former, "former")
    if whole < MIN_CUSTOMERS or rows < NEARLY_ALL * whole:
        return None
    change = f"A budget or a number of rows {BY_GAIN}"
    if kind is ListKind.AT_RISK:
        change += "; `targeting.at_risk_threshold` sets a higher bound of p_churn"
    return f"The list holds {rows:,} of {whole:,} {word} customers, so it hardly selects. {change}."
