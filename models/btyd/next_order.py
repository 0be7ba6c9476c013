"""When a customer's next order comes, and whether it comes at all."""

import numpy as np
import polars as pl

from models.btyd.histories import arrays
from models.btyd.order_model import OrderModel

MEDIAN = 0.5


def next_order(model: OrderModel, frame: pl.DataFrame, confidence: float = 0.8) -> pl.DataFrame:
    """Return `p_never`, `next_order_low`, `next_order`, `next_order_high` and `reason`, in the frame's order.

    p_never is the probability that no order follows, however long one waits. The three times after T are quantiles of the
    waiting time, at (1 - level) / 2, one half and (1 + level) / 2; null where that many never order again. `reason` says
    why the median is null, and is null where it is not. Quantiles are those of P(no order in (T, T + h]) as a function of h.
    """
    process, (x, t_x, T) = model.process(frame), arrays(frame)  # noqa: N806  # the papers' symbol
    never = process.p_no_order(x, t_x, T, np.full(len(x), np.inf))
    chances = {"next_order_low": (1 - confidence) / 2, "next_order": MEDIAN, "next_order_high": (1 + confidence) / 2}
    waits = {name: process.waiting_time(x, t_x, T, np.full(len(x), 1 - chance)) for name, chance in chances.items()}
    found = pl.DataFrame({"p_never": never, **waits})
    percent = (pl.col("p_never") * 100).round(0).cast(pl.Int64).cast(pl.String)
    why = pl.lit("no further order is expected: the probability that none ever comes is ") + percent + pl.lit(" %")
    finite = [pl.when(pl.col(name).is_finite()).then(pl.col(name)) for name in chances]
    return found.select("p_never", *finite, pl.when(pl.col("next_order").is_infinite()).then(why).alias("reason"))
