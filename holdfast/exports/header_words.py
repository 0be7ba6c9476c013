"""Which columns fit a role by their names: the words of `header_words.toml`, with and without words for taxes and numbers."""

import re
import tomllib
import unicodedata
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("header_words.toml")
SHORTEST_ENDING, SHORT_ENDINGS = 5, ("sku", "qty")
NUMBER_WORDS = re.compile(r"n°|nº|№|#|\bn[or]\b\.?|\bnum(?:ero|éro|ber|mer)?\b")
NET = re.compile(r"(?:ex|excl|excluding|without)(?:tax|taxes|vat)$|taxexcl$|ht$|netto$|net$|exkl(?:mwst|ust)$")
GROSS = re.compile(r"(?:inc|incl|including|with)(?:tax|taxes|vat)$|taxincl$|ttc$|brutto$|gross$|inkl(?:mwst|ust)$")
# What is no amount of an order, although its name ends like one: `Tax Total`, `Shipping Amount`.
OTHER_MONEY = (
    *(
        "tax",
        "vat",
        "mwst",
        "steuer",
        "tva",
        "iva",
        "shipping",
        "versand",
        "delivery",
        "freight",
        "discount",
        "rabatt",
        "refund",
        "tip",
    ),
    *(
        "fee",
        "cost",
        "points",
        "compare",
        "original",
        "list",
        "weight",
        "duty",
        "duties",
        "handling",
        "coupon",
        "gift",
        "due",
        "balance",
    ),
)
MONEY = ("line_amount", "amount", "price")


def normalised(name: str) -> str:
    """Return a column's name in lower case, without accents, spaces and signs."""
    plain = unicodedata.normalize("NFKD", name.lower().replace("ß", "ss").replace("ł", "l"))
    return re.sub(r"[^a-z0-9]", "", "".join(character for character in plain if not unicodedata.combining(character)))


def names_for(role: str, columns: list[str]) -> list[str]:
    """Return the columns whose names fit a role, the most telling first.

    First come those with a name of the role, then those that also say whether taxes are included, then those with a word for
    number beside it (`N° commande`), then those whose names end like one of the role's, and last the weak ones.
    """
    ranked: list[str] = []
    for simplify in (normalised, _without_net, _without_gross, _without_number):
        by_name: dict[str, str] = {}
        for column in columns:
            by_name.setdefault(simplify(column), column)
        ranked += [by_name[word] for word in _words("names", role) if word in by_name]
    weak = [column for word in _words("weak", role) for column in columns if normalised(column) == word]
    return [*(column for column in dict.fromkeys([*ranked, *_with_ending(role, columns)]) if column not in weak), *weak]


@cache
def _words(kind: str, role: str) -> tuple[str, ...]:
    return tuple(_file()[kind].get(role, "").split())


@cache
def _file() -> dict[str, dict[str, str]]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


def _without_net(name: str) -> str:
    return NET.sub("", normalised(name))


def _without_gross(name: str) -> str:
    return GROSS.sub("", normalised(name))


def _without_number(name: str) -> str:
    return normalised(NUMBER_WORDS.sub(" ", name.lower()))


def _with_ending(role: str, columns: list[str]) -> list[str]:
    """Return the columns whose names end like one of the role's; short words end too many others."""
    words = tuple(word for word in _words("names", role) if len(word) >= SHORTEST_ENDING or word in SHORT_ENDINGS)
    named = [column for column in columns if words and normalised(column).endswith(words)]
    return [column for column in named if role not in MONEY or not any(word in normalised(column) for word in OTHER_MONEY)]
