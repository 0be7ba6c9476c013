"""The champion: all that scoring needs, as a folder of data without any customer in it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from features.norms import Norms
from models.btyd.pair import BuyTillYouDie
from models.checksums import DamagedFileError, refuse_damage, write_checksums
from models.churn.probability_interval import PRIOR_STD
from models.churn.protocol import ChurnModel
from models.errors import DamagedChampionError, NoChampionError
from models.files import read_json, write_json
from models.registry import load_churn_model, load_value_model
from models.track_record import TrackRecord
from models.uplift.learners import Uplift
from models.value.protocol import SavedValueModel
from models.value.value_interval import HIGH, LOW, ValueInterval
from models.waiting.order_dates import OrderDates

FILE = "champion.json"
# Fields of a champion, and the keys they are stored under since the first version.
STORED_KEYS = {
    "gamma_shape": "value_spread",
    "value_cuts": "value_cuts",
    "log_total_std": "doubt",
    "backtest_metrics": "grade",
}
EFFECTS_KEY, RECORD_KEY, BASE_RATE_KEY = "effects_of_contacts", "track_record", "base_rate"
ABOVE = 1 + 1e-6  # a risk that differs from the base rate by less is the base rate
LEVELS_KEY, CHURN_STD_KEY, DATES_KEY, SHOP_GAP_KEY = "value_levels", "churn_std", "order_dates", "shop_gap_days"
UPLIFT_FOLDER = "uplift"
DEFAULT_AT_RISK = 0.5  # of champions without a base rate
# In the folder of champions: the current one, the previous ones (oldest first), and a change that is being made.
CURRENT, PREVIOUS, CHANGE = "CURRENT", "FORMER", "CHANGE"


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
    of the backtest, the predicted share of churners, the actual share, and the number of rows. `record` says how well the churn
    forecasts did on past days; None for champions from before there were records. `base_rate` is the mean p_churn of existing
    customers at training, above which a customer is at risk; None for champions from before it was stored.

    What past days said about uncertainty: `value_levels` are the levels of value_low and value_high, `churn_std` is the standard
    deviation of errors of p_churn in log-odds, and `dates` the distribution of waiting times; without it (None, of champions
    from before it was stored) those of the order model. `shop_gap_days` is the median over repeat buyers of their usual days
    between orders, for reasons; None where it is not known.

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
    record: TrackRecord | None = None
    base_rate: float | None = None
    value_levels: tuple[float, float] = (LOW, HIGH)
    churn_std: float = PRIOR_STD
    dates: OrderDates | None = None
    shop_gap_days: float | None = None

    @property
    def order_dates(self) -> OrderDates:
        """The distribution of the time until the next order."""
        return OrderDates(self.btyd.orders) if self.dates is None else self.dates

    @property
    def value_interval(self) -> ValueInterval:
        """The interval of a customer's value around its mean."""
        return ValueInterval(self.gamma_shape, *self.value_levels)

    def at_risk_from(self, configured: float | None) -> float:
        """Return the p_churn from which existing customers are at risk: as configured, else just above the base rate."""
        return at_risk_from(configured, self.base_rate)


def at_risk_from(configured: float | None, base_rate: float | None) -> float:
    """Return the p_churn from which existing customers are at risk; one half where neither was configured nor stored."""
    if configured is not None:
        return configured
    return DEFAULT_AT_RISK if base_rate is None else base_rate * ABOVE


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
    record = {} if champion.record is None else {RECORD_KEY: champion.record.to_json()}
    figures |= {"reliability": list(champion.reliability), BASE_RATE_KEY: champion.base_rate}
    figures |= {LEVELS_KEY: list(champion.value_levels), CHURN_STD_KEY: champion.churn_std}
    figures |= {SHOP_GAP_KEY: champion.shop_gap_days}
    figures |= {} if champion.dates is None else {DATES_KEY: champion.dates.to_json()}
    write_json(folder / FILE, data | figures | {EFFECTS_KEY: effects} | record)
    write_checksums(folder)


def load_champion(folder: Path) -> Champion:
    """Read a champion that `save_champion` wrote; its version is the name of the folder.

    Raises DamagedChampionError naming the file that is missing, cut or changed.
    """
    try:
        return read_champion(folder)
    except DamagedFileError as error:
        inside = error.path.relative_to(folder) if error.path.is_relative_to(folder) else Path(error.path.name)
        place = (Path("champion") / folder.name / inside).as_posix()  # the answers of the service quote it: no absolute path
        raise DamagedChampionError(f"{place} in the workspace {error.reason}; {_repair_advice(folder.name)}.") from None


def read_champion(folder: Path) -> Champion:
    """Read a champion from any folder. Raises DamagedFileError for whatever cannot be read."""
    try:
        refuse_damage(folder)
        return _read_champion(folder)
    except OSError as error:
        raise DamagedFileError(Path(error.filename or folder), f"cannot be read ({error.strerror})") from None
    except KeyError as error:
        raise DamagedFileError(folder, f"is damaged or of another version of Holdfast (there is no {error})") from None
    except (ValueError, TypeError, AttributeError, StopIteration):
        raise DamagedFileError(folder, "is damaged or of another version of Holdfast") from None


def _repair_advice(name: str) -> str:
    version = name.partition("-")[0]
    return f"`promote {version}` writes version {version} again from the registry, `rollback` returns to the champion before it"


def _read_champion(folder: Path) -> Champion:
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
        record=TrackRecord.from_json(data[RECORD_KEY]) if RECORD_KEY in data else None,
        base_rate=data.get(BASE_RATE_KEY),
        value_levels=tuple(data.get(LEVELS_KEY, (LOW, HIGH))),
        churn_std=data.get(CHURN_STD_KEY, PRIOR_STD),
        shop_gap_days=data.get(SHOP_GAP_KEY),
        dates=OrderDates.from_json(data[DATES_KEY]) if DATES_KEY in data else None,
    )


def read_responses(champions: Path, version: str) -> tuple[Mapping[str, Any], ...]:
    """Return the responses of a champion without its models; empty if its file is missing or damaged."""
    try:
        return tuple(_read_figures(champions, version).get(EFFECTS_KEY, {}).get("responses", ()))
    except (AttributeError, TypeError):
        return ()


def read_track_record(champions: Path, version: str) -> TrackRecord | None:
    """Return the track record of a champion without its models; None without one, or if its file is missing or damaged."""
    try:
        return TrackRecord.from_json(_read_figures(champions, version)[RECORD_KEY])
    except (KeyError, AttributeError, TypeError):
        return None


def read_base_rate(champions: Path, version: str) -> float | None:
    """Return the base rate of a champion without its models; None without one, or if its file is missing or damaged."""
    try:
        base_rate = _read_figures(champions, version).get(BASE_RATE_KEY)
        return None if base_rate is None else float(base_rate)
    except (AttributeError, TypeError, ValueError):
        return None


def _read_figures(champions: Path, version: str) -> dict[str, Any]:
    path = champions / version / FILE
    if Path(version).name != version or not path.is_file():
        return {}
    try:
        data: dict[str, Any] = read_json(path)
    except (OSError, ValueError, DamagedFileError):
        return {}
    return data


def champion_names(champions: Path) -> list[str]:
    """Return the names of all champions' folders, sorted."""
    folders = champions.iterdir() if champions.is_dir() else ()
    return sorted(path.name for path in folders if path.is_dir() and not path.name.startswith("."))


def current_name(champions: Path) -> str:
    """Return the name of the folder that `champions/CURRENT` names.

    Raises the errors of `read_pointer`, and DamagedChampionError if the folder does not exist.
    """
    name = read_pointer(champions)
    if not (champions / name).is_dir():
        raise _damaged_pointer(champions, f"names version {name}")
    return name


def read_pointer(champions: Path) -> str:
    """Return the name in `champions/CURRENT`.

    Raises NoChampionError before the first champion. Raises DamagedChampionError if the pointer is missing although there are
    champions, or is empty or cut.
    """
    try:
        text = (champions / CURRENT).read_bytes().decode("utf-8", errors="replace")
    except FileNotFoundError:
        if not champion_names(champions) or _is_first_publication(champions):
            raise NoChampionError("There is no champion yet; run `train` first.") from None
        raise _damaged_pointer(champions, "is missing") from None
    name = text.strip()
    if not text.endswith("\n") or not is_folder_name(name):
        raise _damaged_pointer(champions, "is cut" if name else "is empty")
    return name


def _is_first_publication(champions: Path) -> bool:
    """Whether the first champion is being published, or its publication was killed."""
    return (champions / CHANGE).is_file() and not (champions / PREVIOUS).is_file()


def _damaged_pointer(champions: Path, problem: str) -> DamagedChampionError:
    names = champion_names(champions)
    existing = f"the champions there are {', '.join(names)}" if names else "there is no champion"
    advice = "`promote VERSION` names a champion again, or writes it again from the registry"
    return DamagedChampionError(f"champion/{CURRENT} in the workspace {problem}, but {existing}; {advice}.")


def is_folder_name(name: str) -> bool:
    """Whether a text is one plain word, as the name of a champion's folder is."""
    return bool(name) and name.isprintable() and name.split() == [name] and name[0] != "." and not set(name) & set("/\\\ufffd")


def current_champion(champions: Path) -> Champion:
    """Return the champion that `champions/CURRENT` names. Raises NoChampionError or DamagedChampionError."""
    return load_champion(champions / current_name(champions))
