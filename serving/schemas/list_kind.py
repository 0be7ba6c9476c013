"""The kinds of lists, and how lists are named."""

from enum import StrEnum

import polars as pl

from serving.targeting.rules import Target


class ListKind(StrEnum):
    """Existing customers at risk, former customers to win back, and customers whose complaint needs settling."""

    AT_RISK = "at_risk"
    WIN_BACK = "win_back"
    RECOVERY = "recovery"


TARGET_BY_KIND = {ListKind.AT_RISK: Target.RETENTION, ListKind.WIN_BACK: Target.WIN_BACK, ListKind.RECOVERY: Target.RECOVERY}
LIST_ID = rf"^((?:{'|'.join(ListKind)})-\d{{4}}-W\d{{2}})-run\d+"


def list_name(kind: ListKind, week: str) -> str:
    """Return the name that all lists of a kind and week share, as `at_risk-2026-W47`: of their file and their control draw."""
    return f"{kind}-{week}"


def list_id(kind: ListKind, week: str, run_id: int, version: int = 1) -> str:
    """Return the id of a list, as `at_risk-2026-W47-run3`; further versions from the same run end in their number, as `-2`."""
    first = f"{list_name(kind, week)}-run{run_id}"
    return first if version == 1 else f"{first}-{version}"


def list_name_of_id(ids: pl.Expr) -> pl.Expr:
    """Return the list name in each list id; null for any other text."""
    return ids.str.extract(LIST_ID)
