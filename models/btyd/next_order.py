"""When a customer's next order comes, and whether it comes at all."""

import numpy as np
import polars as pl

from models.btyd.histories import history_arrays
from models.btyd.order_model import OrderModel

MEDIAN = 0.5


def next_order(model: OrderModel, frame: pl.DataFrame, confidence: float = 0.8) -> pl.DataFrame:
    """Return `p_never`, `next_order_low`, `next_order`, `next_order_high` and `reason`, in the frame's order.

    `p_never` is the probability that no further order ever comes. The three times, measured from T, are the quantiles of the
    waiting time at (1 - confidence) / 2, one half and (1 + confidence) / 2. A quantile that is never reached is null. `reason`
    explains a null median, and is null otherwise. The waiting time's distribution is 1 - P(no order in (T, T + h]) in h.
    """
    process, (x, t_x, T) = model.process(frame), history_arrays(frame)  # noqa: N806  # the papers' symbol
    p_never = process.p_no_order(x, t_x, T, np.full(len(x), np.inf))
    quantiles = {"next_order_low": (1 - confidence) / 2, "next_order": MEDIAN, "next_order_high": (1 + confidence) / 2}
    waits = {name: process.waiting_time(x, t_x, T, np.full(len(x), 1 - quantile)) for name, quantile in quantiles.items()}
    times = pl.DataFrame({"p_never": p_never, **waits})
    percent = (pl.col("p_never") * 100).round(0).cast(pl.Int64).cast(pl.String)
    reason = pl.lit("no further order is expected: the probability that none ever comes is ") + percent + pl.lit(" %")
    finite = [pl.when(pl.col(name).is_finite()).then(pl.col(name)) for name in quantiles]
    return times.select("p_never", *finite, pl.when(pl.col("next_order").is_infinite()).then(reason).alias("reason"))
