"""The reasons of a list: why to act on the customer comes first, and what speaks against it says so."""

import polars as pl

from serving.targeting.rules import Target

COUNT = 3
OF_A_COMPLAINT = "Complaint open|The last settled complaint left the customer dissatisfied"
OPEN, DISSATISFIED = "A complaint is open", "The last settled complaint left the customer dissatisfied"
AGAINST = "Speaks for staying: "


def list_reasons() -> list[pl.Expr]:
    """Return reason_1 to reason_3 as sentences, null where there are fewer; of `reasons`, target and open_complaints.

    On the recovery list the complaint comes first. Then come reasons that raise the risk, and last those that lower it.
    """
    complaint = (pl.col("target") == Target.RECOVERY).fill_null(value=False)
    texts = pl.concat_list(_texts("raises"), _texts("lowers").list.eval(AGAINST + pl.element()))
    told = pl.col("reasons").list.eval(_text().filter(_text().str.contains(OF_A_COMPLAINT))).list.first()
    usual = pl.when(pl.col("open_complaints") > 0).then(pl.lit(OPEN)).otherwise(pl.lit(DISSATISFIED))
    first = pl.coalesce(told, usual)
    others = texts.list.eval(pl.element().filter(~pl.element().str.contains(OF_A_COMPLAINT)))
    ordered = pl.when(complaint).then(pl.concat_list(first, others)).otherwise(texts)
    return [ordered.list.get(place, null_on_oob=True).alias(f"reason_{place + 1}") for place in range(COUNT)]


def _text() -> pl.Expr:
    return pl.element().struct.field("text")


def _texts(direction: str) -> pl.Expr:
    chosen = _text().filter(pl.element().struct.field("direction") == direction)
    return pl.col("reasons").list.eval(chosen).fill_null([])
