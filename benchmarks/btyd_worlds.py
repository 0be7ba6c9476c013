"""Check that our log-likelihood is at least as high as that of `lifetimes` on many simulated worlds.

Run: python -m benchmarks.btyd_worlds [--model BGNBD] [--worlds 200]

The first 81 worlds are those of Fader, Hardie and Lee (2005, doi:10.1287/mksc.1040.0098, section 4.1): customers who follow a
Pareto/NBD with r and s of .25, .50 or .75, alpha and beta of 5, 10 or 15 weeks, 4,000 in each. The others draw the parameters
from wide ranges. lifetimes counts as converged if it needed no penalty on the parameters; it may still have stopped short of
the maximum.
"""

import argparse
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import polars as pl

from models.btyd.bgnbd import BGNBD
from models.btyd.lifetimes_engine import LIFETIMES_ENGINE
from models.btyd.maximum_likelihood import CONVERGED
from models.btyd.mbgnbd import MBGNBD
from models.btyd.order_model import OrderModel
from models.btyd.paretonbd import ParetoNBD
from models.btyd.simulation import simulate_orders
from models.errors import TooLittleDataError

MODELS: dict[str, type[OrderModel]] = {"BGNBD": BGNBD, "MBGNBD": MBGNBD, "ParetoNBD": ParetoNBD}
CUSTOMERS = 4_000
GRID = (0.25, 0.5, 0.75), (5.0, 10.0, 15.0), (0.25, 0.5, 0.75), (5.0, 10.0, 15.0)
LOWER_TOLERANCE, HIGHER_TOLERANCE = 1e-6, 1e-4  # in log-likelihoods of thousands
MAX_RELATIVE_DIFFERENCE = 1e-3


def worlds(count: int) -> list[tuple[float, ...]]:
    """Return r, alpha, s and beta of each world."""
    rng = np.random.default_rng(2005)
    low, high = np.log([0.1, 2.0, 0.1, 2.0]), np.log([3.0, 40.0, 3.0, 80.0])
    random_worlds = [tuple(np.exp(rng.uniform(low, high))) for _ in range(max(count - len(GRID[0]) ** 4, 0))]
    return [*product(*GRID), *random_worlds][:count]


def simulate_world(world: tuple[float, ...], rng: np.random.Generator) -> pl.DataFrame:
    """Return the histories, in weeks, of customers who joined within the first 12 of 52 weeks."""
    r, alpha, s, beta = world
    ages = pl.DataFrame({"T": 52 - np.floor(rng.uniform(0, 84, CUSTOMERS)) / 7})
    return simulate_orders(ParetoNBD(r=r, alpha=alpha, s=s, beta=beta), ages, 0.0, rng)


@dataclass
class EngineComparison:
    """How both engines compare over the worlds so far."""

    gaps: list[float] = field(default_factory=list)
    failed: int = 0
    penalised: int = 0
    parameter_differences: list[float] = field(default_factory=list)
    stopped_short: list[float] = field(default_factory=list)

    def add(self, ours: OrderModel, theirs: OrderModel) -> None:
        """Record how much higher our log-likelihood is, and how far apart the parameters are."""
        gap = ours.log_likelihood - theirs.log_likelihood
        self.gaps.append(gap)
        if theirs.diagnosis != CONVERGED:
            self.penalised += 1
        elif gap > HIGHER_TOLERANCE:
            self.stopped_short.append(gap)
        elif ours.diagnosis == CONVERGED:
            self.parameter_differences.append(max(abs(theirs.params[name] / value - 1) for name, value in ours.params.items()))


def main(model: str, count: int) -> None:
    """Fit every world by both engines and print how they compare."""
    rng, comparison = np.random.default_rng(1), EngineComparison()
    for world in worlds(count):
        frame = simulate_world(world, rng)
        ours = MODELS[model]().fit(frame)
        try:
            comparison.add(ours, MODELS[model]().fit(frame, engine=LIFETIMES_ENGINE))
        except TooLittleDataError:
            comparison.failed += 1
    lower = sum(gap < -LOWER_TOLERANCE for gap in comparison.gaps)
    short, differences = comparison.stopped_short, comparison.parameter_differences
    short_range = f", by {min(short):.2g} to {max(short):.2g}" if short else ""
    beyond = sum(difference > MAX_RELATIVE_DIFFERENCE for difference in differences)
    print(f"{model}, {count} worlds of {CUSTOMERS:,} customers")
    print(f"  our log-likelihood is lower in {lower}, and higher by up to {max(comparison.gaps):.3g}")
    print(f"  lifetimes did not converge in {comparison.failed}, and only with a penalty in {comparison.penalised}")
    print(f"  it reports convergence where ours is higher by more than {HIGHER_TOLERANCE:g} in {len(short)}{short_range}")
    beyond_text = f"by more than {MAX_RELATIVE_DIFFERENCE:g} in {beyond}"
    print(f"  in the other {len(differences)}, parameters differ by at most {max(differences):.1e}, {beyond_text}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.btyd_worlds", description=__doc__)
    parser.add_argument("--model", choices=list(MODELS), default="BGNBD")
    parser.add_argument("--worlds", type=int, default=200)
    arguments = parser.parse_args()
    main(arguments.model, arguments.worlds)
