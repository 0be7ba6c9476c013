"""Fits through the `lifetimes` package, the reference of the field; imported only while fitting."""

import io
import warnings
from contextlib import redirect_stdout
from typing import Any

import polars as pl

from models.errors import TooLittleData

# lifetimes stops on data without a clear optimum; a growing penalty on the size of the parameters helps it out.
PENALTIES = (0.0, 0.001, 0.01, 0.1, 1.0)
FEWEST_REPEAT_BUYERS = 10
SHRINKING_Q = 4.0

Fit = tuple[dict[str, float], str]


def fit_bgnbd(frame: pl.DataFrame) -> Fit:
    """Return BG/NBD parameters and a diagnosis in words; equal (x, t_x, T) are fitted once, with weights."""
    weight = pl.col("weight").sum() if "weight" in frame.columns else pl.len().alias("weight")
    patterns = frame.group_by("frequency", "recency", "T").agg(weight).sort("frequency", "recency", "T")
    repeat = int((patterns["frequency"] > 0).sum())
    if repeat == 0:
        raise TooLittleData(f"BG/NBD needs customers with a repeat purchase; none of {frame.height} customers has one.")
    columns = [patterns[name].cast(pl.Float64).to_numpy() for name in ("frequency", "recency", "T", "weight")]
    fitter, diagnosis = _fit("BetaGeoFitter", columns[:3], weights=columns[3])
    return {name: float(fitter.params_[name]) for name in ("r", "alpha", "a", "b")}, diagnosis


def fit_gamma_gamma(frame: pl.DataFrame) -> Fit:
    """Return Gamma-Gamma parameters and a diagnosis in words."""
    buyers = frame.filter((pl.col("frequency") > 0) & (pl.col("monetary_value") > 0))
    if buyers.height < FEWEST_REPEAT_BUYERS:
        return _moments(frame), f"too little data: {buyers.height} repeat buyers with positive spend; parameters from moments"
    columns = [buyers[name].cast(pl.Float64).to_numpy() for name in ("frequency", "monetary_value")]
    try:
        fitter, diagnosis = _fit("GammaGammaFitter", columns)
    except TooLittleData:
        return _moments(frame), "did not converge: parameters from moments"
    params = {"p": float(fitter.params_["p"]), "q": float(fitter.params_["q"]), "gamma": float(fitter.params_["v"])}
    if params["q"] <= 1:
        return _moments(frame), f"the population has no mean spend (q = {params['q']:.2f}): parameters from moments"
    return params, diagnosis


def _fit(name: str, columns: list[Any], **arguments: Any) -> tuple[Any, str]:  # noqa: ANN401  # lifetimes has no types
    # lifetimes warns at import (a pandas option) and while it searches, and prints the optimiser's last words
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        import lifetimes
        from lifetimes.utils import ConvergenceError

        for penalty in PENALTIES:
            fitter = getattr(lifetimes, name)(penalizer_coef=penalty)
            try:
                fitter.fit(*columns, **arguments)
            except ConvergenceError:
                continue
            if fitter.params_.notna().all():
                return fitter, "converged" if penalty == 0 else f"converged with a penalty of {penalty:g} on the parameters"
    raise TooLittleData(f"{name.removesuffix('Fitter')} did not converge on {len(columns[0])} different customer histories.")


def _moments(frame: pl.DataFrame) -> dict[str, float]:
    """Give the population the observed mean spend per order, and a customer's own history moderate weight."""
    spend = (
        frame.filter(pl.col("mean_order_value") > 0)["mean_order_value"].mean() if "mean_order_value" in frame.columns else None
    )
    mean = spend if isinstance(spend, float) else 0.0
    return {"p": 1.0, "q": SHRINKING_Q, "gamma": mean * (SHRINKING_Q - 1)}
