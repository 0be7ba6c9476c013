"""The reasons of a list as sentences: first what calls for action, last what lowers the risk, marked as such."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from features.families.complaints import FAMILY as COMPLAINTS
from serving.schemas.scores import REASON
from serving.targeting.rules import Target

COUNT = 3
OPEN, DISSATISFIED = "A complaint is open", "The last settled complaint left the customer dissatisfied"
LOWERS_PREFIX = "Lowers the risk: "
NO_SINGLE_FACT = "No single fact raises the risk; it comes from the order history as a whole"
COMPLAINT_SENTENCES = f"Complaint open|{DISSATISFIED}"  # for reasons stored before they had a family


def list_reason_columns() -> list[pl.Expr]:
    """Return reason_1 to reason_3 as sentences from `reasons`, target and open_complaints; null if there are fewer.

    On the recovery list the complaint comes first, even if it is not among the customer's reasons. Then come reasons that raise
    the risk, and last those that lower it. On the other lists, where no reason raises the risk, the first one says so.
    """
    for_recovery = pl.concat_list(leading_complaint(), _ordered_sentences(~_is_complaint()))
    is_recovery = (pl.col("target") == Target.RECOVERY).fill_null(value=False)
    everything = _ordered_sentences(pl.lit(value=True))
    only_lowering = (pl.col("reasons").list.len() > 0) & (_sentences(_reason("direction") == "raises").list.len() == 0)
    others = pl.when(only_lowering).then(pl.concat_list(pl.lit(NO_SINGLE_FACT), everything)).otherwise(everything)
    ordered = pl.when(is_recovery).then(for_recovery).otherwise(others)
    return [ordered.list.get(index, null_on_oob=True).alias(f"reason_{index + 1}") for index in range(COUNT)]


def leading_complaint() -> pl.Expr:
    """Return the sentence that leads a customer's row on the recovery list, from `reasons` and open_complaints.

    It is that of a complaint which raises the risk, among the reasons; else what put the customer on the list.
    """
    complaint = _sentences(_is_complaint() & (_reason("direction") == "raises")).list.first()
    default = pl.when(pl.col("open_complaints") > 0).then(pl.lit(OPEN)).otherwise(pl.lit(DISSATISFIED))
    return pl.coalesce(complaint, default)


def complaint_of_score(score: Mapping[str, Any]) -> str:
    """Return the sentence that leads the row of a customer with this score on the recovery list, for the customer's page."""
    row = {"reasons": score["reasons"], "open_complaints": score["open_complaints"]}
    frame = pl.DataFrame([row], schema={"reasons": pl.List(REASON), "open_complaints": pl.Float64})
    return str(frame.select(leading_complaint()).item())


def _ordered_sentences(where: pl.Expr) -> pl.Expr:
    """Return the sentences of the reasons for which `where` holds: those that raise the risk, then those that lower it."""
    direction = _reason("direction")
    lowering = _sentences(where & (direction == "lowers")).list.eval(LOWERS_PREFIX + pl.element())
    return pl.concat_list(_sentences(where & (direction == "raises")), lowering)


def _sentences(where: pl.Expr) -> pl.Expr:
    """Return the sentences of the reasons for which `where` holds; an empty list for customers without reasons."""
    return pl.col("reasons").list.eval(_reason("text").filter(where)).fill_null([])


def _is_complaint() -> pl.Expr:
    """Return whether a reason comes from complaints: by its family, or by its sentence if it was stored without one."""
    family, text = _reason("family"), _reason("text")
    return pl.when(family.is_null()).then(text.str.contains(COMPLAINT_SENTENCES)).otherwise(family == COMPLAINTS)


def _reason(field: str) -> pl.Expr:
    """Return a field of a reason, inside the evaluation of a list of reasons."""
    return pl.element().struct.field(field)
