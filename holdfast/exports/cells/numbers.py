"""How numbers are written: decimal point or comma, thousands, currency signs, brackets for negative amounts."""

from dataclasses import dataclass

import polars as pl

from holdfast.exports.cells.sql import literal

SIGNS = {
    "€": "EUR",
    "$": "USD",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "zł": "PLN",
    "Kč": "CZK",
    "kr": "SEK",
    "R$": "BRL",
    "CHF": "CHF",
}
CODES = ("EUR", "USD", "GBP", "CAD", "AUD", "CHF", "PLN", "CZK", "SEK", "NOK", "DKK", "BRL", "JPY", "INR", "MXN", "NZD")
SPACES = ("\u00a0", "\u202f", " ")
APOSTROPHES = ("'", "’")
COMMA = r"^-?(?:\d{1,3}(?:\.\d{3})+|\d+),\d+-?$|^-?\d{1,3}(?:\.\d{3}){2,}-?$"
POINT = r"^-?(?:\d{1,3}(?:,\d{3})+|\d+)\.\d+-?$|^-?\d{1,3}(?:,\d{3}){2,}-?$"
PLAIN = r"^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?-?$"
AMBIGUOUS = r"^-?[1-9]\d{0,2}[.,]\d{3}-?$"  # 1.234: a thousand or a little more than one
AMBIGUOUS_POINT = r"^-?[1-9]\d{0,2}\.\d{3}-?$"
LIKELY = 0.9


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a column are written: characters to remove, the decimal mark, and signs of negative amounts.

    `currency` is the code that a sign in the cells stands for. `is_ambiguous`: no cell decides between comma and point.
    """

    removed: tuple[str, ...] = ()
    has_comma: bool = False
    has_brackets: bool = False
    has_trailing_minus: bool = False
    currency: str | None = None
    is_ambiguous: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether cells can be read without a conversion."""
        return not (self.removed or self.has_comma or self.has_brackets or self.has_trailing_minus)

    def sql(self, cell: str) -> str:
        """Return the number in `cell`, a SQL expression."""
        if self.is_plain:
            return cell
        text = cell
        for sign in (*self.removed, *(("(", ")") if self.has_brackets else ()), *(("-",) if self.has_trailing_minus else ())):
            text = f"REPLACE({text}, {literal(sign)}, '')"
        if self.has_comma:
            text = f"REPLACE({text}, ',', '.')"
        number = f"CAST({text} AS DOUBLE)"
        negative = [f"{cell} LIKE '%(%'"] if self.has_brackets else []
        negative += [f"{cell} LIKE '%-%'"] if self.has_trailing_minus else []
        return f"CASE WHEN {' OR '.join(negative)} THEN -{number} ELSE {number} END" if negative else number


def number_format(cells: pl.Series) -> NumberFormat | None:
    """Return how the numbers of text cells are written; None if fewer than nine in ten cells are numbers."""
    text = cells.drop_nulls().str.strip_chars()
    text = text.filter(text != "")
    if text.is_empty():
        return None
    signs = [sign for sign in (*SIGNS, *CODES) if text.str.contains(sign, literal=True).any()]
    signs = [sign for sign in signs if not any(sign != other and sign in other for other in signs)]
    removed = [*signs, *(mark for mark in (*SPACES, *APOSTROPHES) if text.str.contains(mark, literal=True).any())]
    has_brackets = text.str.contains(r"^\D*\(.*\)\D*$").any()
    bare = _without(text, [*removed, "(", ")", "+"] if has_brackets else [*removed, "+"])
    readable = bare.str.contains(COMMA) | bare.str.contains(POINT) | bare.str.contains(PLAIN) | bare.str.contains(AMBIGUOUS)
    if readable.mean() < LIKELY:  # type: ignore[operator]  # a mean of booleans
        return None
    has_comma = _has_comma(bare)
    thousands = "." if has_comma else ","
    if bare.str.contains(thousands, literal=True).any():
        removed.append(thousands)
    if text.str.starts_with("+").any():
        removed.append("+")
    return NumberFormat(
        removed=tuple(removed),
        has_comma=has_comma,
        has_brackets=bool(has_brackets),
        has_trailing_minus=bool(bare.str.ends_with("-").any()),
        currency=next((SIGNS.get(sign, sign) for sign in signs), None),
        is_ambiguous=_is_ambiguous(bare),
    )


def _without(text: pl.Series, characters: list[str]) -> pl.Series:
    for character in characters:
        text = text.str.replace_all(character, "", literal=True)
    return text


def _has_comma(bare: pl.Series) -> bool:
    """Whether the comma is the decimal mark: more cells have it as such than a decimal point.

    Where all cells with a mark have three digits after it, it is taken for the mark of thousands.
    """
    commas, points = (int((bare.str.contains(mark) & ~bare.str.contains(AMBIGUOUS)).sum()) for mark in (COMMA, POINT))
    if not commas and not points:
        return bool(bare.str.contains(AMBIGUOUS_POINT).any())
    return commas > points


def _is_ambiguous(bare: pl.Series) -> bool:
    """Whether some cells, such as 1,234, may be thousands or decimals, and no other cell decides."""
    is_ambiguous = bare.str.contains(AMBIGUOUS)
    decided = (bare.str.contains(COMMA) | bare.str.contains(POINT)) & ~is_ambiguous
    return bool(is_ambiguous.any() and not decided.any())
