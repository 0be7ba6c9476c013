"""The champion: all that scoring needs, as a folder of data without any customer in it."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from filecmp import cmpfiles
from itertools import count
from pathlib import Path
from typing import Any

from features.norms import Norms
from features.storage.files import atomic_path, scratch_folder
from models.btyd.pair import BuyTillYouDie
from models.churn.protocol import ChurnModel
from models.errors import NoChampionError
from models.files import read_json, write_json
from models.registry import load_churn_model, load_value_model
from models.uplift.learners import Uplift
from models.value.protocol import SavedValueModel

FILE = "champion.json"
# Fields of a champion, and the keys they are stored under since the first version.
STORED_KEYS = {
    "gamma_shape": "value_spread",
    "value_cuts": "value_cuts",
    "log_total_std": "doubt",
    "backtest_metrics": "grade",
}
EFFECTS_KEY = "effects_of_contacts"
UPLIFT_FOLDER = "uplift"
CURRENT, PREVIOUS = "CURRENT", "FORMER"


@dataclass(frozen=True)
class ChampionTerms:
    """What the champion was trained for; scoring takes these from it, not from the configuration."""

    trained_as_of: date
    horizon_days: int
    active_days: int
    loyalty_unit: str
    loyalty_min_purchases: int


@dataclass(frozen=True)
class Champion:
    """Churn model, order and spend models, optional value and uplift models, and the terms they were trained for.

    `norms` are the company's norms at training; scoring builds its features against them. `value` predicts spend within the churn
    window; None leaves that to the order models. `gamma_shape` is the shape of realised spend around its mean.

    `value_cuts` are the 50, 80, 95 and 99 % quantiles of expected_value at training: the reference for relationship levels.
    `log_total_std` is the standard error of the logarithm of a total (`models/value/portfolio_total.py`). `backtest_metrics` are
    what promotion compares (`training/evaluation/backtest_metrics.py`); empty without a backtest. `reliability` has, for tenths
    of the backtest, the predicted share of churners, the actual share, and the number of rows.

    `uplift` has a model by name of the action in the contacts table, where targeting by it earned more than by risk x value.
    `responses` are the figures of all actions tried with a control group (`training/uplift.py`).
    """

    terms: ChampionTerms
    norms: Norms
    churn: ChurnModel
    btyd: BuyTillYouDie
    gamma_shape: float
    value_cuts: tuple[float, ...]
    log_total_std: float
    backtest_metrics: dict[str, float]
    version: str = ""
    value: SavedValueModel | None = None
    uplift: Mapping[str, Uplift] = field(default_factory=dict)
    responses: tuple[Mapping[str, Any], ...] = ()
    reliability: tuple[tuple[float, float, int], ...] = ()


def save_champion(champion: Champion, folder: Path) -> None:
    """Write the champion into `folder`, creating it if needed."""
    folder.mkdir(parents=True, exist_ok=True)
    champion.churn.save(folder)
    if champion.value is not None:
        champion.value.save(folder)
    for index, model in enumerate(champion.uplift.values()):
        model.save(folder / UPLIFT_FOLDER / str(index))
    terms = asdict(champion.terms) | {"trained_as_of": champion.terms.trained_as_of.isoformat()}
    data: dict[str, Any] = {"terms": terms, "norms": champion.norms.to_json(), "btyd": champion.btyd.to_json()}
    figures = {key: getattr(champion, name) for name, key in STORED_KEYS.items()}
    effects = {"uplift": list(champion.uplift), "responses": list(champion.responses)}
    write_json(folder / FILE, data | figures | {EFFECTS_KEY: effects, "reliability": list(champion.reliability)})


def load_champion(folder: Path) -> Champion:
    """Read a champion that `save_champion` wrote; its version is the name of the folder."""
    data = read_json(folder / FILE)
    terms = data["terms"] | {"trained_as_of": date.fromisoformat(data["terms"]["trained_as_of"])}
    # Champions without this key judged effects by a biased measure: their effects are dropped, so targeting assumes them.
    effects = data.get(EFFECTS_KEY, {})
    return Champion(
        terms=ChampionTerms(**terms),
        norms=Norms.from_json(data["norms"]),
        churn=load_churn_model(folder),
        btyd=BuyTillYouDie.from_json(data["btyd"]),
        gamma_shape=data[STORED_KEYS["gamma_shape"]],
        value_cuts=tuple(data[STORED_KEYS["value_cuts"]]),
        log_total_std=data[STORED_KEYS["log_total_std"]],
        backtest_metrics=data[STORED_KEYS["backtest_metrics"]],
        version=folder.name,
        value=load_value_model(folder),
        uplift={
            action: Uplift.load(folder / UPLIFT_FOLDER / str(index)) for index, action in enumerate(effects.get("uplift", ()))
        },
        responses=tuple(effects.get("responses", ())),
        reliability=tuple((predicted, actual, rows) for predicted, actual, rows in data.get("reliability", ())),
    )


def publish_champion(source: Path, version: str, champions: Path) -> Path:
    """Copy `source` to `champions/<version>` unless it is there, make it current in one step, and return the folder.

    A crash before the last step leaves the previous champion current.
    """
    target = _folder_for(source, version, champions)
    if not target.exists():
        with scratch_folder(target) as temporary:
            shutil.copytree(source, temporary, dirs_exist_ok=True)
            temporary.replace(target)
    replaced = [name for name in _read_lines(champions / CURRENT) if name != target.name]
    _write_lines(champions / PREVIOUS, [*_read_lines(champions / PREVIOUS), *replaced])
    _write_lines(champions / CURRENT, [target.name])
    return target


def previous_champion(champions: Path) -> str | None:
    """Return the folder name of the champion before the current one; None if there is none."""
    current = _read_lines(champions / CURRENT)
    return next((name for name in reversed(_read_lines(champions / PREVIOUS)) if name not in current), None)


def restore_champion(name: str, champions: Path) -> None:
    """Make a previous champion current again, in one step; the next rollback leads to the one before it."""
    _write_lines(champions / CURRENT, [name])
    names = _read_lines(champions / PREVIOUS)
    _write_lines(champions / PREVIOUS, names[: len(names) - 1 - names[::-1].index(name)])


def _read_lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split() if path.is_file() else []


def _write_lines(path: Path, lines: list[str]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _folder_for(source: Path, version: str, champions: Path) -> Path:
    """Return a folder that holds this same champion, or one that does not exist yet: no folder is ever overwritten.

    A new registry starts its version numbers over; a folder for a repeated version is called 1-2, 1-3 and so on.
    """
    names = (f"{version}-{number}" if number > 1 else version for number in count(1))
    return next(path for name in names if not (path := champions / name).exists() or _have_equal_files(source, path))


def _have_equal_files(first: Path, second: Path) -> bool:
    names, others = _file_names(first), _file_names(second)
    return names == others and not any(cmpfiles(first, second, names, shallow=False)[1:])


def _file_names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def current_champion(champions: Path) -> Champion:
    """Return the champion that `champions/CURRENT` names. Raises NoChampionError before the first one."""
    pointer = champions / CURRENT
    if not pointer.is_file():
        raise NoChampionError("There is no champion yet; run `train` first.")
    return load_champion(champions / pointer.read_text(encoding="utf-8").strip())
