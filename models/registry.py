"""The tables of candidates: adding a candidate takes a file of its own and a line here."""

from dataclasses import replace
from pathlib import Path

from models.btyd.bgcnbd import MBGCNBD
from models.btyd.bgnbd import BGNBD
from models.btyd.lifetimes_engine import LIFETIMES_ENGINE
from models.btyd.mbgnbd import MBGNBD
from models.btyd.paretonbd import ParetoNBD
from models.churn.base_rate import BaseRateCandidate
from models.churn.blend import BlendCandidate, Member
from models.churn.hybrid import HybridCandidate
from models.churn.lightgbm_churn import LightGbmCandidate
from models.churn.order_average import OrderAverageCandidate
from models.churn.order_columns import OrderColumnCandidate
from models.churn.protocol import Candidate, ChurnModel
from models.churn.recency_rule import OVERDUE, RecencyRuleCandidate
from models.files import CHURN_FILE, read_json
from models.order_candidates import OrderChurnCandidate, OrderValueCandidate
from models.plugins import installed_candidates
from models.value.baselines import LAST_PERIOD, ORDER_MODELS, ZERO, RecencyDecilesCandidate, RetainedSpendCandidate
from models.value.hybrid import HybridValueCandidate
from models.value.lightgbm_value import HURDLE, LOGNORMAL, TWEEDIE, LightGbmValueCandidate
from models.value.protocol import VALUE_FILE, VALUE_FOLDER, SavedValueModel, ValueCandidate, ValueLearner

BASELINE = RecencyRuleCandidate()
HYBRID, LIGHTGBM, PARETO = HybridCandidate(), LightGbmCandidate(), OrderChurnCandidate("paretonbd", ParetoNBD)


def candidates(hybrid: HybridCandidate = HYBRID) -> tuple[Candidate, ...]:
    """Return the churn candidates in the order in which equally good ones serve, with this hybrid's parameters.

    Candidates of installed packages come last. First the naive ones. Then the blend, which hedges between the others, and the
    hybrid: they know all about a customer that the tables tell, so their reasons say more than those of an order model. Trees are
    shared with the value candidates.
    """
    base_rate, order_model, regular = BaseRateCandidate(), OrderColumnCandidate(), OrderChurnCandidate("mbgcnbd", MBGCNBD)
    sharing = replace(hybrid, boosters=HYBRID.boosters)
    return (
        base_rate,
        BASELINE,
        RecencyRuleCandidate(OVERDUE),
        BlendCandidate(
            (
                Member(sharing, 0.55),
                Member(LIGHTGBM, 0.1),
                Member(order_model, 0.05),
                Member(regular, 0.1),
                Member(PARETO, 0.08),
                Member(base_rate, 0.08),
                Member(BASELINE, 0.04),
            )
        ),
        sharing,
        OrderAverageCandidate(),
        order_model,
        OrderChurnCandidate("bgnbd", BGNBD),
        OrderChurnCandidate("mbgnbd", MBGNBD),
        regular,
        PARETO,
        OrderChurnCandidate("bgnbd_of_lifetimes", BGNBD, LIFETIMES_ENGINE),
        LIGHTGBM,
        *installed_candidates(),
    )


CANDIDATES = candidates()
NEVER_SERVING = {"bgnbd_of_lifetimes"}  # fitted by the reference package, for comparison only
REFERENCES = NEVER_SERVING | {"bgnbd_gamma_gamma_of_lifetimes"}  # take part only where they are asked for
VALUE_BASELINE = LAST_PERIOD
VALUE_LEARNERS: tuple[ValueLearner, ...] = (
    LightGbmValueCandidate(TWEEDIE, boosters=HYBRID.boosters),
    LightGbmValueCandidate(HURDLE, boosters=HYBRID.boosters),
    LightGbmValueCandidate(LOGNORMAL, boosters=HYBRID.boosters),
    HybridValueCandidate(boosters=HYBRID.boosters),
)
VALUE_CANDIDATES: tuple[ValueCandidate, ...] = (
    ZERO,
    VALUE_BASELINE,
    RetainedSpendCandidate(),
    RecencyDecilesCandidate(),
    ORDER_MODELS,
    OrderValueCandidate("mbgnbd_gamma_gamma", MBGNBD),
    OrderValueCandidate("paretonbd_gamma_gamma", ParetoNBD),
    OrderValueCandidate("bgnbd_gamma_gamma_of_lifetimes", BGNBD, LIFETIMES_ENGINE),
    *VALUE_LEARNERS,
)


def find_candidate(name: str, churn_candidates: tuple[Candidate, ...] = CANDIDATES) -> Candidate:
    """Return the churn candidate of that name."""
    return next(candidate for candidate in churn_candidates if candidate.name == name)


def load_churn_model(folder: Path) -> ChurnModel:
    """Return the churn model that was saved in `folder`."""
    data = read_json(folder / CHURN_FILE)
    if data["name"] == "bgnbd" and "orders" not in data:  # from before this candidate had parameters of its own
        return OrderColumnCandidate(data["name"]).load(folder)
    return find_candidate(data["name"]).load(folder)


def load_value_model(folder: Path) -> SavedValueModel | None:
    """Return the value model that was saved in `folder`; None if there is none."""
    file = folder / VALUE_FOLDER / VALUE_FILE
    if not file.parent.is_dir():
        return None
    name = read_json(file)["name"]
    return next(learner for learner in VALUE_LEARNERS if learner.name == name).load(folder)
