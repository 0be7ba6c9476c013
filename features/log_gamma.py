"""The logarithm of the gamma function as a Polars expression, so that likelihoods stay in the plan."""

import math

import polars as pl

SHIFT = 8


def log_gamma(x: pl.Expr) -> pl.Expr:
    """Return ln Gamma(x) for x > 0, to about 1e-12.

    Stirling's series (Abramowitz and Stegun 6.1.41) at x + 8, brought back by the recurrence 6.1.15.
    """
    z = x + SHIFT
    series = 1 / (12 * z) - 1 / (360 * z**3) + 1 / (1260 * z**5) - 1 / (1680 * z**7)
    shifted = (z - 0.5) * z.log() - z + 0.5 * math.log(2 * math.pi) + series
    product = pl.lit(1.0)
    for step in range(SHIFT):
        product = product * (x + step)
    return shifted - product.log()


def log_beta(a: pl.Expr, b: pl.Expr) -> pl.Expr:
    """Return ln B(a, b) for a, b > 0."""
    return log_gamma(a) + log_gamma(b) - log_gamma(a + b)
