"""Holdfast from a notebook or a script: `import holdfast`, then the names below; each is loaded on first use.

workspace = holdfast.open_workspace("demo/holdfast.toml")
holdfast.features(workspace)
holdfast.compare(workspace).churn
holdfast.train(workspace)
holdfast.score(workspace)
holdfast.BGNBD().fit(holdfast.rfm(transactions)).summary()
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from settings.processors import configure_openmp

if TYPE_CHECKING:
    from features.tables.schema import Tables
    from holdfast.api import (
        Comparison,
        Workspace,
        compare,
        features,
        find_candidate,
        open_workspace,
        purchases,
        rfm,
        score,
        train,
    )
    from models.btyd import BGNBD, MBGNBD, GammaGamma, ParetoNBD
    from models.errors import TooLittleDataError
    from models.files import CHURN_FILE, read_json, write_json
    from models.snapshot import Snapshot

__all__ = [
    "BGNBD",
    "CHURN_FILE",
    "MBGNBD",
    "Comparison",
    "GammaGamma",
    "ParetoNBD",
    "Snapshot",
    "Tables",
    "TooLittleDataError",
    "Workspace",
    "compare",
    "features",
    "find_candidate",
    "open_workspace",
    "purchases",
    "read_json",
    "rfm",
    "score",
    "train",
    "write_json",
]
HOMES = {
    **dict.fromkeys(("BGNBD", "MBGNBD", "GammaGamma", "ParetoNBD"), "models.btyd"),
    **dict.fromkeys(("CHURN_FILE", "read_json", "write_json"), "models.files"),
    "TooLittleDataError": "models.errors",
    "Snapshot": "models.snapshot",
    "Tables": "features.tables.schema",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401  # whatever the name stands for
    """Import a public name on first use."""
    if name not in __all__:
        raise AttributeError(f"module 'holdfast' has no attribute {name!r}; its names are {', '.join(__all__)}")
    configure_openmp()
    return getattr(import_module(HOMES.get(name, "holdfast.api")), name)


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
