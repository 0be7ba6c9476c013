"""The one table of churn candidates; adding one is a file of its own and a line here."""

from pathlib import Path

from models.bgnbd_churn import BgNbdCandidate, BgNbdChurn
from models.churn_model import Candidate, ChurnModel
from models.files import FILE, read_json
from models.lightgbm_churn import LightGbmCandidate, LightGbmChurn
from models.recency_rule import RecencyRule, RecencyRuleCandidate

BASELINE = RecencyRuleCandidate()
CANDIDATES: tuple[Candidate, ...] = (BASELINE, BgNbdCandidate(), LightGbmCandidate())


def load_churn_model(folder: Path) -> ChurnModel:
    """Return the churn model that was saved in `folder`."""
    data = read_json(folder / FILE)
    if data["name"] == LightGbmCandidate().name:
        return LightGbmChurn.load(folder)
    if data["name"] == BgNbdCandidate().name:
        return BgNbdChurn(data["average"])
    return RecencyRule(tuple(data["cuts"]), tuple(data["rates"]))
