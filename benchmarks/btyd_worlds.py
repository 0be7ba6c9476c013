"""Is our likelihood at least as high as that of `lifetimes` on every one of many simulated worlds?

Run: python -m benchmarks.btyd_worlds [--model BGNBD] [--worlds 200]

The first 81 worlds are those of Fader, Hardie and Lee (2005, doi:10.1287/mksc.1040.0098, section 4.1): customers who follow a
Pareto/NBD with r and s of .25, .50 or .75, alpha and beta of 5, 10 or 15 weeks, 4,000 in each. The others draw the parameters
from wide ranges. lifetimes counts as converged where it needed no penalty on the parameters; it may still have stopped short
of the maximum.
"""

import argparse
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import polars as pl

from models.btyd.bgnbd import BGNBD
from models.btyd.mbgnbd import MBGNBD
from models.btyd.order_model import OrderModel
from models.btyd.paretonbd import ParetoNBD
from models.btyd.simulation import simulate
from models.errors import TooLittleDataError

MODELS: dict[str, type[OrderModel]] = {"BGNBD": BGNBD, "MBGNBD": MBGNBD, "ParetoNBD": ParetoNBD}
CUSTOMERS = 4_000
LEVELS = (0.25, 0.5, 0.75), (5.0, 10.0, 15.0), (0.25, 0.5, 0.75), (5.0, 10.0, 15.0)
SHORTER, EQUAL = 1e-6, 1e-4  # in log-likelihood, of thousands
CLOSE = 1e-3


def worlds(count: int) -> list[tuple[float, ...]]:
    """Return r, alpha, s and beta of each world."""
    rng = np.random.default_rng(2005)
    low, high = np.log([0.1, 2.0, 0.1, 2.0]), np.log([3.0, 40.0, 3.0, 80.0])
    more = [tuple(np.exp(rng.uniform(low, high))) for _ in range(max(count - len(LEVELS[0]) ** 4, 0))]
    return [*product(*LEVELS), *more][:count]


def drawn(world: tuple[float, ...], rng: np.random.Generator) -> pl.DataFrame:
    """Return the histories, in weeks, of customers who came within the first 12 of 52 weeks."""
    observed = pl.DataFrame({"T": 52 - np.floor(rng.uniform(0, 84, CUSTOMERS)) / 7})
    return simulate(ParetoNBD(*world), observed, 0.0, rng)


@dataclass
class Compared:
    """What came of the worlds so far."""

    gaps: list[float] = field(default_factory=list)
    refused: int = 0
    penalised: int = 0
    apart: list[float] = field(default_factory=list)
    stopped_short: list[float] = field(default_factory=list)

    def add(self, ours: OrderModel, theirs: OrderModel) -> None:
        """Keep how much higher our log-likelihood is, and how far apart the parameters are."""
        gap = ours.log_likelihood - theirs.log_likelihood
        self.gaps.append(gap)
        if theirs.diagnosis != "converged":
            self.penalised += 1
        elif gap > EQUAL:
            self.stopped_short.append(gap)
        elif ours.diagnosis == "converged":
            self.apart.append(max(abs(theirs.params[name] / value - 1) for name, value in ours.params.items()))


def main(model: str, count: int) -> None:
    """Fit every world by both engines and print how they compare."""
    rng, seen = np.random.default_rng(1), Compared()
    for world in worlds(count):
        frame = drawn(world, rng)
        ours = MODELS[model]().fit(frame)
        try:
            seen.add(ours, MODELS[model]().fit(frame, engine="lifetimes"))
        except TooLittleDataError:
            seen.refused += 1
    print(f"{model}, {count} worlds of {CUSTOMERS:,} customers")
    print(
        f"  our log-likelihood is lower in {sum(gap < -SHORTER for gap in seen.gaps)}, and higher by up to {max(seen.gaps):.3g}"
    )
    print(f"  lifetimes did not converge in {seen.refused}, and only with a penalty in {seen.penalised}")
    short = f", by {min(seen.stopped_short):.2g} to {max(seen.stopped_short):.2g}" if seen.stopped_short else ""
    print(f"  it says converged where our log-likelihood is higher by more than {EQUAL:g} in {len(seen.stopped_short)}{short}")
    beyond = sum(apart > CLOSE for apart in seen.apart)
    print(
        f"  in the other {len(seen.apart)} parameters differ by at most {max(seen.apart):.1e}, by more than {CLOSE:g} in {beyond}"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.btyd_worlds", description=__doc__)
    parser.add_argument("--model", choices=list(MODELS), default="BGNBD")
    parser.add_argument("--worlds", type=int, default=200)
    arguments = parser.parse_args()
    main(arguments.model, arguments.worlds)
