"""The tables of candidates; adding one is a file of its own and a line here."""

from pathlib import Path

from models.bgnbd_churn import BgNbdCandidate, BgNbdChurn
from models.churn_model import Candidate, ChurnModel
from models.files import FILE, read_json
from models.hybrid_churn import HybridCandidate, HybridChurn
from models.hybrid_value import HybridValueCandidate
from models.lightgbm_churn import LightGbmCandidate, LightGbmChurn
from models.recency_rule import OVERDUE, RecencyRule, RecencyRuleCandidate
from models.value_baselines import LAST_PERIOD, ORDER_MODELS, ZERO, RecencyDecilesCandidate, RetainedSpendCandidate
from models.value_model import ValueCandidate

BASELINE = RecencyRuleCandidate()
CANDIDATES: tuple[Candidate, ...] = (
    BASELINE,
    RecencyRuleCandidate(OVERDUE),
    BgNbdCandidate(),
    LightGbmCandidate(),
    HybridCandidate(),
)
VALUE_BASELINE = LAST_PERIOD
VALUE_CANDIDATES: tuple[ValueCandidate, ...] = (
    ZERO,
    VALUE_BASELINE,
    RetainedSpendCandidate(),
    RecencyDecilesCandidate(),
    ORDER_MODELS,
    HybridValueCandidate(),
)


def load_churn_model(folder: Path) -> ChurnModel:
    """Return the churn model that was saved in `folder`."""
    data = read_json(folder / FILE)
    if data["name"] == LightGbmCandidate().name:
        return LightGbmChurn.load(folder)
    if data["name"] == HybridCandidate().name:
        return HybridChurn.load(folder)
    if data["name"] == BgNbdCandidate().name:
        return BgNbdChurn(data["average"])
    return RecencyRule(tuple(data["cuts"]), tuple(data["rates"]), data["name"])
