"""The champion: all that scoring needs, as a folder of data without a customer in it."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from filecmp import cmpfiles
from itertools import count
from pathlib import Path
from typing import Any

from features.norms import Norms
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
EFFECTS = "effects_of_contacts"
UPLIFT = "uplift"
CURRENT, FORMER = "CURRENT", "FORMER"


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
    """Churn model, buy-till-you-die pair, spread of values, and the terms they hold for.

    `norms` are what was usual for the company when it was trained; scoring builds its features against them.

    `value` tells spend within the churn window; None leaves it to the order models.

    `value_cuts` are the 50, 80, 95 and 99 % quantiles of expected_value when it was trained: the reference
    for relationship levels. `log_total_std` is the standard error of the logarithm of a total
    (`models/value/portfolio_total.py`). `backtest_metrics` are the figures that promotion looks at (`training/evaluation/backtest_metrics.py`); empty without a backtest.

    `uplift` has who responds to an action, by its name in the contacts table, where that earned more than risk x value;
    `responses` are the figures of all actions that were tried with a control group (`training/uplift.py`). `reliability` has
    the share that was foretold to leave, the share that left, and how many there were, for tenths of the backtest.
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
    """Write the champion into `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    champion.churn.save(folder)
    if champion.value is not None:
        champion.value.save(folder)
    terms = asdict(champion.terms) | {"trained_as_of": champion.terms.trained_as_of.isoformat()}
    data: dict[str, Any] = {"terms": terms, "norms": champion.norms.to_json(), "btyd": champion.btyd.to_json()}
    figures = {key: getattr(champion, name) for name, key in STORED_KEYS.items()}
    for place, model in enumerate(champion.uplift.values()):
        model.save(folder / UPLIFT / str(place))
    effects = {"uplift": list(champion.uplift), "responses": list(champion.responses)}
    write_json(folder / FILE, data | figures | {EFFECTS: effects, "reliability": list(champion.reliability)})


def load_champion(folder: Path) -> Champion:
    """Read what `save_champion` wrote; its version is the name of the folder."""
    data = read_json(folder / FILE)
    terms = ChampionTerms(**(data["terms"] | {"trained_as_of": date.fromisoformat(data["terms"]["trained_as_of"])}))
    btyd = BuyTillYouDie.from_json(data["btyd"])
    effects = data.get(EFFECTS, {})  # those of champions before it was called so were judged too well or too badly: assumed again
    return Champion(
        terms,
        Norms.from_json(data["norms"]),
        load_churn_model(folder),
        btyd,
        data["value_spread"],
        tuple(data["value_cuts"]),
        data["doubt"],
        data["grade"],
        folder.name,
        load_value_model(folder),
        {name: Uplift.load(folder / UPLIFT / str(place)) for place, name in enumerate(effects.get("uplift", ()))},
        tuple(effects.get("responses", ())),
        tuple((foretold, seen, rows) for foretold, seen, rows in data.get("reliability", ())),
    )


def publish_champion(source: Path, version: str, champions: Path) -> Path:
    """Copy `source` to `champions/<version>` where it is not there yet, and make it current in one step; return the folder.

    A crash before the last step leaves the former champion current.
    """
    target = _folder_for(source, version, champions)
    if not target.exists():
        beside = champions / f".{target.name}.new"
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(source, beside)
        beside.replace(target)
    was = _lines(champions / CURRENT)
    _write_lines(champions / FORMER, [*_lines(champions / FORMER), *(name for name in was if name != target.name)])
    _write_lines(champions / CURRENT, [target.name])
    return target


def former_champion(champions: Path) -> str | None:
    """Return the name of the champion before the current one; None where there was none."""
    current = _lines(champions / CURRENT)
    return next((name for name in reversed(_lines(champions / FORMER)) if name not in current), None)


def publish_again(former: str, champions: Path) -> None:
    """Make a former champion current again, in one step; going back once more leads to the one before it."""
    _write_lines(champions / CURRENT, [former])
    before = _lines(champions / FORMER)
    _write_lines(champions / FORMER, before[: len(before) - 1 - before[::-1].index(former)])


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split() if path.is_file() else []


def _write_lines(path: Path, lines: list[str]) -> None:
    beside = path.with_name(f".{path.name}.new")
    beside.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    beside.replace(path)


def _folder_for(source: Path, version: str, champions: Path) -> Path:
    """Return a folder that holds this very champion, or a name that is free: no folder is ever overwritten.

    A registry that was begun anew gives a version out again; its folder is then called 1-2, 1-3 and so on.
    """
    names = (f"{version}-{again}" if again > 1 else version for again in count(1))
    return next(path for name in names if not (path := champions / name).exists() or _same(source, path))


def _same(first: Path, second: Path) -> bool:
    names = sorted(str(path.relative_to(first)) for path in first.rglob("*") if path.is_file())
    others = sorted(str(path.relative_to(second)) for path in second.rglob("*") if path.is_file())
    return names == others and not any(cmpfiles(first, second, names, shallow=False)[1:])


def current_champion(champions: Path) -> Champion:
    """Return the champion that `champions/CURRENT` points to. Raises NoChampion before the first one."""
    pointer = champions / CURRENT
    if not pointer.is_file():
        raise NoChampionError("There is no champion yet; run `train` first.")
    return load_champion(champions / pointer.read_text(encoding="utf-8").strip())
