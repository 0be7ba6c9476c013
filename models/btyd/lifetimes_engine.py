"""Fits through the reference package `lifetimes`, which is imported only while fitting."""

import warnings
from threading import Lock
from typing import Any

import numpy as np
import polars as pl

from features.frames.arrays import Array
from models.btyd.histories import Histories
from models.errors import TooLittleDataError

HOLDFAST_ENGINE, LIFETIMES_ENGINE = "holdfast", "lifetimes"
# lifetimes fails on data without a clear optimum; a growing penalty on the size of the parameters makes it converge.
PENALTIES = (0.0, 0.001, 0.01, 0.1, 1.0)
FIT_LOCK = Lock()


def fit_order_model(fitter: str, names: tuple[str, ...], data: Histories) -> tuple[Array, str]:
    """Return the parameters of an order model, in the order of `names`, and a diagnosis in words.

    Raises TooLittleDataError without a repeat buyer, or when no penalty leads to convergence.
    """
    if not data.x.any():
        raise TooLittleDataError(
            f"lifetimes needs customers with a repeat purchase; none of {data.customer_count:g} customers has one."
        )
    fitted, diagnosis = _fit(fitter, [data.x, data.t_x, data.T], weights=data.weight)
    return np.array([float(fitted.params_[name]) for name in names]), diagnosis


def fit_gamma_gamma(buyers: pl.DataFrame) -> tuple[Array, str]:
    """Return p, q and gamma of a Gamma-Gamma, and a diagnosis in words.

    Raises TooLittleDataError when no penalty leads to convergence.
    """
    columns = [buyers[name].to_numpy() for name in ("frequency", "monetary_value")]
    fitted, diagnosis = _fit("GammaGammaFitter", columns, weights=buyers["weight"].to_numpy())
    return np.array([float(fitted.params_[name]) for name in ("p", "q", "v")]), diagnosis


def _fit(name: str, columns: list[Any], **arguments: Any) -> tuple[Any, str]:  # noqa: ANN401  # lifetimes has no types
    # lifetimes warns at import (a pandas option) and during the search; the filters of warnings are shared by all threads
    with FIT_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lifetimes
        from lifetimes import fitters
        from lifetimes.utils import ConvergenceError

        fitters.print = _print_nothing  # it prints the optimiser's report before it raises
        for penalty in PENALTIES:
            fitter = getattr(lifetimes, name)(penalizer_coef=penalty)
            try:
                fitter.fit(*columns, **arguments)
            except ConvergenceError:
                continue
            if fitter.params_.notna().all():
                return fitter, "converged" if penalty == 0 else f"converged with a penalty of {penalty:g} on the parameters"
    raise TooLittleDataError(f"{name.removesuffix('Fitter')} did not converge on {len(columns[0])} different customer histories.")


def _print_nothing(*_values: object) -> None:
    """Take the place of `print` in lifetimes; replacing sys.stdout instead would silence other threads too."""
