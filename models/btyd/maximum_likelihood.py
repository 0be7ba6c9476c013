"""Maximum likelihood for a few positive parameters, from an analytic gradient.

The search is over the logarithms of the parameters, by Newton's method with a Hessian from differences of the gradient. With
many rows it runs on a sample first, then on all. Where it does not reach a maximum inside the bounds, L-BFGS-B takes over
(Byrd, Lu, Nocedal and Zhu 1995, doi:10.1137/0916069). Minus the inverse of the final Hessian is the estimate's covariance.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import Bounds, minimize

from features.frames.arrays import Array, BoolArray

MIN_PARAMETER, MAX_PARAMETER = 1e-7, 1e6
BOUNDARY_MARGIN = 3.0  # in logarithms: below 2e-6 and above 5e4 a parameter counts as being at the boundary
DIFFERENCE_STEP = 1e-5
MAX_NEWTON_STEPS, MAX_HALVINGS = 30, 12
MAX_STEP = 1.0
REMEMBERED_POINTS = 8
STEP_TOLERANCE, STALLED_TOLERANCE = 1e-7, 1e-4
CONVERGED = "converged"

Objective = Callable[[Array], tuple[float, Array]]


@dataclass(frozen=True)
class Estimate:
    """Parameters at the maximum, its log-likelihood, their covariance, and in words how the search ended.

    Rows and columns of the covariance are in the order of the parameters; NaN for a parameter at a boundary.
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
    required_starts: int = 1,
) -> Estimate:
    """Return the maximum of `full`, which maps parameters to value and gradient; all parameters lie in 1e-7..1e6.

    `sample`, the same function on a `share` of the rows, is maximized first if given. The first `required_starts` starts are
    always tried, the others only where all of those end at a boundary, where Newton's method seldom helps. The best result
    counts.
    """
    full = _remember_last(full)
    sample = _remember_last(sample) if sample else full
    maxima = [_find_maximum(sample, np.log(start)) for start in starts[:required_starts]]
    if all(_at_boundary(theta).any() for theta in maxima):
        maxima += [_search_bounded(sample, np.log(start)) for start in starts[required_starts:]]
    best = max(maxima, key=lambda theta: sample(np.exp(theta))[0])
    theta, converged = _newton(full, best, _hessian(sample, best) / share)
    if not converged:
        theta = _search_bounded(full, theta)
        theta, converged = _newton(full, theta, _hessian(full, theta))
    return build_estimate(full, np.exp(theta), _diagnosis(names, np.exp(theta), _at_boundary(theta), converged=converged))


def build_estimate(full: Objective, params: Array, diagnosis: str) -> Estimate:
    """Return the estimate at these parameters, with its log-likelihood and covariance under `full`."""
    theta = np.log(params)
    covariance = _covariance(_hessian(full, theta), params, _at_boundary(theta))
    return Estimate(params=params, log_likelihood=full(params)[0], covariance=covariance, diagnosis=diagnosis)


def is_at_boundary(params: Array) -> bool:
    """Whether any of the parameters is at a boundary: the data do not identify it."""
    return bool(_at_boundary(np.log(params)).any())


def _remember_last(objective: Objective) -> Objective:
    """Return the same function; it does not compute its last values again, because steps and Hessians share points."""
    by_bytes = lru_cache(maxsize=REMEMBERED_POINTS)(lambda params: objective(np.frombuffer(params)))
    return lambda params: by_bytes(params.tobytes())


def _at_boundary(theta: Array) -> BoolArray:
    at_boundary: BoolArray = (theta < np.log(MIN_PARAMETER) + BOUNDARY_MARGIN) | (theta > np.log(MAX_PARAMETER) - BOUNDARY_MARGIN)
    return at_boundary


def _log_gradient(objective: Objective, theta: Array) -> tuple[float, Array]:
    """Return value and gradient with respect to the logarithms."""
    value, gradient = objective(np.exp(theta))
    return value, gradient * np.exp(theta)


def _find_maximum(objective: Objective, start: Array) -> Array:
    """Maximize by Newton's method, which needs few steps where it works, else by the slower, more robust L-BFGS-B."""
    theta, converged = _newton(objective, start, _hessian(objective, start), stops_at_boundary=True)
    return theta if converged and not _at_boundary(theta).any() else _search_bounded(objective, start)


def _search_bounded(objective: Objective, start: Array) -> Array:
    """Maximize by L-BFGS-B within the bounds."""
    size = max(abs(objective(np.exp(start))[0]), 1.0)

    def loss(theta: Array) -> tuple[float, Array]:
        value, gradient = _log_gradient(objective, theta)
        return -value / size, -gradient / size

    bounds = Bounds(np.log(MIN_PARAMETER), np.log(MAX_PARAMETER))
    options = {"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9}
    result = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options)  # type: ignore[call-overload]
    return np.asarray(result.x)


def _newton(objective: Objective, theta: Array, hessian: Array, *, stops_at_boundary: bool = False) -> tuple[Array, bool]:
    """Maximize from near the maximum, reusing the given Hessian; return the point reached, and whether it converged.

    The Hessian is recomputed only where steps do not shrink. One from a sample is a few per cent off, so each step leaves a
    few per cent of the distance, which is cheap enough.
    """
    value, gradient = _log_gradient(objective, theta)
    is_current, last_length = False, np.inf
    for _ in range(MAX_NEWTON_STEPS):
        step = _newton_step(hessian, gradient, theta)
        length = float(np.abs(step).max())
        if length < STEP_TOLERANCE:
            return theta, True
        if not is_current and length > last_length / 4:
            hessian, is_current = _hessian(objective, theta), True
            continue
        improved = _line_search(objective, theta, step, value)
        if improved is None:
            return theta, length < STALLED_TOLERANCE
        (theta, value, gradient), is_current, last_length = improved, False, length
        if stops_at_boundary and _at_boundary(theta).any():
            return theta, False
    return theta, last_length < STALLED_TOLERANCE


def _newton_step(hessian: Array, gradient: Array, theta: Array) -> Array:
    """Return the step to the maximum of the local parabola over the free parameters, limited to MAX_STEP.

    Along flat or upward-curved directions the step goes uphill.
    """
    outward = np.where(gradient > 0, theta >= np.log(MAX_PARAMETER), theta <= np.log(MIN_PARAMETER))
    free = np.flatnonzero(~outward)
    step = np.zeros_like(theta)
    if len(free):
        values, vectors = np.linalg.eigh(hessian[np.ix_(free, free)])
        curvature = np.maximum(np.abs(values), np.abs(values).max() * 1e-10 + 1e-300)
        step[free] = vectors @ ((vectors.T @ gradient[free]) / curvature)
    return step * min(1.0, MAX_STEP / max(float(np.abs(step).max()), 1e-300))


def _line_search(objective: Objective, theta: Array, step: Array, value: float) -> tuple[Array, float, Array] | None:
    """Return the first point along the step, halved as often as needed, where the value is no lower; None without one."""
    for halving in range(MAX_HALVINGS):
        candidate = np.clip(theta + step / 2**halving, np.log(MIN_PARAMETER), np.log(MAX_PARAMETER))
        candidate_value, gradient = _log_gradient(objective, candidate)
        if candidate_value >= value:
            return candidate, candidate_value, gradient
    return None


def _hessian(objective: Objective, theta: Array) -> Array:
    base_gradient = _log_gradient(objective, theta)[1]
    shifted_gradients = [_log_gradient(objective, theta + DIFFERENCE_STEP * unit)[1] for unit in np.eye(len(theta))]
    rows = (np.array(shifted_gradients) - base_gradient) / DIFFERENCE_STEP
    symmetric: Array = (rows + rows.T) / 2
    return symmetric


def _covariance(hessian: Array, params: Array, at_boundary: BoolArray) -> Array:
    """Return the covariance of the parameters themselves, by the delta method.

    NaN for parameters at a boundary, and for all where the Hessian is not negative definite.
    """
    covariance = np.full_like(hessian, np.nan)
    free = np.flatnonzero(~at_boundary)
    if len(free) and (np.linalg.eigvalsh(hessian[np.ix_(free, free)]) < 0).all():
        inverse = np.linalg.inv(-hessian[np.ix_(free, free)])
        covariance[np.ix_(free, free)] = inverse * np.outer(params[free], params[free])
    return covariance


def _diagnosis(names: tuple[str, ...], params: Array, at_boundary: BoolArray, *, converged: bool) -> str:
    limits = [f"{name} = {value:.3g}" for name, value, at_limit in zip(names, params, at_boundary, strict=True) if at_limit]
    if limits:
        return f"at a boundary ({', '.join(limits)}): the data hardly identify these parameters, but predictions are valid"
    return CONVERGED if converged else "did not converge fully: the likelihood is nearly flat around the estimate"
