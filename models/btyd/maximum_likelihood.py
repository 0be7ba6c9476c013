"""Maximum likelihood for a few positive parameters, from an analytic gradient.

The search runs over logarithms of the parameters, by Newton's method with a Hessian of differences of the gradient: first on
a sample of the rows where there are many, then on all. Where it does not lead to a maximum inside the bounds, L-BFGS-B does
(Byrd, Lu, Nocedal and Zhu 1995, doi:10.1137/0916069). Minus the inverse of the Hessian there is the estimate's covariance.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, minimize

from models.log_odds import Array

LOWEST, HIGHEST = 1e-7, 1e6
NEAR = 3.0  # in logarithms: beyond 2e-6 and 5e4 a parameter is on its way to the boundary
DIFFERENCE = 1e-5
NEWTON_STEPS, HALVINGS = 30, 12
MAX_STEP = 1.0
STILL, STALLED = 1e-7, 1e-4
CONVERGED = "converged"

Objective = Callable[[Array], tuple[float, Array]]


@dataclass(frozen=True)
class Estimate:
    """Parameters at the maximum, its log-likelihood, their covariance, and in words how the search ended.

    Rows and columns of the covariance are in the order of the parameters; NaN for one at a boundary.
    """

    params: Array
    log_likelihood: float
    covariance: Array
    diagnosis: str


def maximize(
    names: tuple[str, ...],
    full: Objective,
    starts: list[Array],
    sample: Objective | None = None,
    share: float = 1.0,
    always: int = 1,
) -> Estimate:
    """Return the maximum of `full`, which takes parameters and gives value and gradient; all lie in 1e-7..1e6.

    `sample` may be the same of a `share` of the rows, to begin with. The first `always` starts are tried whatever comes
    of them, the later ones where those lead to a boundary; the best of all counts.
    """
    sample = sample or full
    found = [_found(sample, np.log(start)) for start in starts[:always]]
    if all(_at_boundary(theta).any() for theta in found):
        found += [_found(sample, np.log(start)) for start in starts[always:]]
    best = max(found, key=lambda theta: sample(np.exp(theta))[0])
    theta, converged = _polished(full, best, _hessian(sample, best) / share)
    if not converged:
        theta = _searched(full, theta)
        theta, converged = _polished(full, theta, _hessian(full, theta))
    return described(full, np.exp(theta), _diagnosis(names, np.exp(theta), _at_boundary(theta), converged=converged))


def described(full: Objective, params: Array, diagnosis: str) -> Estimate:
    """Return the estimate with these parameters: its log-likelihood and covariance under `full`."""
    theta = np.log(params)
    covariance = _covariance(_hessian(full, theta), params, _at_boundary(theta))
    return Estimate(params, full(params)[0], covariance, diagnosis)


def _at_boundary(theta: Array) -> NDArray[np.bool_]:
    bound: NDArray[np.bool_] = (theta < np.log(LOWEST) + NEAR) | (theta > np.log(HIGHEST) - NEAR)
    return bound


def _gradient(likelihood: Objective, theta: Array) -> tuple[float, Array]:
    """Value and gradient with respect to the logarithms."""
    value, gradient = likelihood(np.exp(theta))
    return value, gradient * np.exp(theta)


def _found(likelihood: Objective, start: Array) -> Array:
    """By Newton's method, which takes a few steps where it works; else by the one that always gets somewhere."""
    theta, converged = _polished(likelihood, start, _hessian(likelihood, start))
    return theta if converged and not _at_boundary(theta).any() else _searched(likelihood, start)


def _searched(likelihood: Objective, start: Array) -> Array:
    size = max(abs(likelihood(np.exp(start))[0]), 1.0)

    def downhill(theta: Array) -> tuple[float, Array]:
        value, gradient = _gradient(likelihood, theta)
        return -value / size, -gradient / size

    bounds = Bounds(np.log(LOWEST), np.log(HIGHEST))
    options = {"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9}
    found = minimize(downhill, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)  # type: ignore[call-overload]
    return np.asarray(found.x)


def _polished(likelihood: Objective, theta: Array, hessian: Array) -> tuple[Array, bool]:
    """Newton's method from near the maximum, with a Hessian from there; it is taken anew only where it leads nowhere.

    A Hessian of a sample is a few per cent off, and each step leaves a few per cent of the way: that is cheap enough.
    """
    value, gradient = _gradient(likelihood, theta)
    fresh, last = False, np.inf
    for _ in range(NEWTON_STEPS):
        step = _newton_step(hessian, gradient, theta)
        length = float(np.abs(step).max())
        if length < STILL:
            return theta, True
        if not fresh and length > last / 4:
            hessian, fresh = _hessian(likelihood, theta), True
            continue
        moved = _uphill(likelihood, theta, step, value)
        if moved is None:
            return theta, length < STALLED
        (theta, value, gradient), fresh, last = moved, False, length
    return theta, last < STALLED


def _newton_step(hessian: Array, gradient: Array, theta: Array) -> Array:
    """The step to the top of the parabola, over parameters that may move; along flat or bent-up directions, uphill."""
    outward = np.where(gradient > 0, theta >= np.log(HIGHEST), theta <= np.log(LOWEST))
    free = np.flatnonzero(~outward)
    step = np.zeros_like(theta)
    if len(free):
        values, vectors = np.linalg.eigh(hessian[np.ix_(free, free)])
        curvature = np.maximum(np.abs(values), np.abs(values).max() * 1e-10 + 1e-300)
        step[free] = vectors @ ((vectors.T @ gradient[free]) / curvature)
    return step * min(1.0, MAX_STEP / max(float(np.abs(step).max()), 1e-300))


def _uphill(likelihood: Objective, theta: Array, step: Array, value: float) -> tuple[Array, float, Array] | None:
    """Go the step, or a half, a quarter and so on of it, to where the value is higher; None where it nowhere is."""
    for halving in range(HALVINGS):
        there = np.clip(theta + step / 2**halving, np.log(LOWEST), np.log(HIGHEST))
        found, gradient = _gradient(likelihood, there)
        if found >= value:
            return there, found, gradient
    return None


def _hessian(likelihood: Objective, theta: Array) -> Array:
    here = _gradient(likelihood, theta)[1]
    there = [_gradient(likelihood, theta + DIFFERENCE * unit)[1] for unit in np.eye(len(theta))]
    rows = (np.array(there) - here) / DIFFERENCE
    symmetric: Array = (rows + rows.T) / 2
    return symmetric


def _covariance(hessian: Array, params: Array, bound: NDArray[np.bool_]) -> Array:
    """Of the parameters themselves, by the delta method; NaN for those at a boundary or without curvature."""
    covariance = np.full_like(hessian, np.nan)
    free = np.flatnonzero(~bound)
    if len(free) and (np.linalg.eigvalsh(hessian[np.ix_(free, free)]) < 0).all():
        inverse = np.linalg.inv(-hessian[np.ix_(free, free)])
        covariance[np.ix_(free, free)] = inverse * np.outer(params[free], params[free])
    return covariance


def _diagnosis(names: tuple[str, ...], params: Array, bound: NDArray[np.bool_], *, converged: bool) -> str:
    edges = [f"{name} = {value:.3g}" for name, value, at in zip(names, params, bound, strict=True) if at]
    if edges:
        return f"at a boundary ({', '.join(edges)}): the data hardly tell these parameters, predictions hold"
    return CONVERGED if converged else "did not converge fully: the likelihood is nearly flat around the estimate"
