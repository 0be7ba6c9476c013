"""The track record of the chosen candidate in the backtest."""

import numpy as np

from features.frames.arrays import Array
from features.frames.columns import CUSTOMER
from models.track_record import TrackRecord
from training.evaluation.backtest_result import Backtest
from training.evaluation.bootstrap import TAILS, Resamples, resample_customers, resampled_auc
from training.metrics import auc


def track_record(result: Backtest, chosen: str, horizon_days: int) -> TrackRecord:
    """Return the record of candidate `chosen`: the mean AUC over origins, weighted by rows, and its interval over customers."""
    column = f"p:{chosen}"
    if result.frame is None or column not in result.frame.columns:
        return TrackRecord(horizon_days)
    rows = result.rows_with(column)
    churned = rows["churned"].to_numpy()
    of_origin = [(rows["origin"] == origin).to_numpy() for origin in rows["origin"].unique().sort()]
    both = [mask for mask in of_origin if 0 < churned[mask].mean() < 1]
    if not both:
        return TrackRecord(horizon_days, len(of_origin), rows.height, int(churned.sum()), 0.5, 0.0, 1.0)
    p, weights = rows[column].to_numpy(), [int(mask.sum()) for mask in both]
    resamples = resample_customers(rows[CUSTOMER])
    resampled = [resampled_auc(_part(resamples, mask), churned[mask], p[mask]) for mask in both]
    low, high = np.nanquantile(np.average(np.nan_to_num(resampled, nan=0.5), axis=0, weights=weights), TAILS)
    mean = float(np.average([auc(churned[mask], p[mask]) for mask in both], weights=weights))
    return TrackRecord(horizon_days, len(of_origin), rows.height, int(churned.sum()), mean, float(low), float(high))


def _part(resamples: Resamples, rows: Array) -> Resamples:
    """Return the same resamples for a part of the rows."""
    return Resamples(resamples.customer[rows], resamples.counts)
