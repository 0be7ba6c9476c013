"""Read amounts of money as people type them, and say what to type where an amount has no single meaning."""

import re
from dataclasses import dataclass

MAX_AMOUNT = 1e12
MAX_TYPED = 100
MINUS_SIGNS = ("-", "\u2212")
EXAMPLE = "250.50"
BLANK = "[ \u00a0\u2009\u202f'\u2019]"  # people group thousands with these
BLANK_GROUPS = re.compile(rf"-?[0-9]{{1,3}}(?:{BLANK}[0-9]{{3}})+(?:[.,][0-9]*)?")
PLAIN = re.compile(r"[0-9]+|[0-9]*[.,][0-9]+|[0-9]+[.,]")
GROUPED = re.compile(
    r"(?P<whole>[0-9]{1,3}(?:(?P<group>[.,])[0-9]{3})(?:(?P=group)[0-9]{3})*)(?:(?!(?P=group))[.,](?P<part>[0-9]*))?"
)
AMBIGUOUS = re.compile(r"[1-9][0-9]{0,2}[.,][0-9]{3}")
SCIENTIFIC = re.compile(r"[0-9]+(\.[0-9]+)?e\+?[0-9]{1,2}", re.IGNORECASE)


@dataclass(frozen=True)
class TypedAmount:
    """What a text says: an amount, or a problem in one sentence. An empty text has neither."""

    amount: float | None = None
    problem: str | None = None


def read_amount(text: str, currency: str = "") -> TypedAmount:
    """Return the amount of a text such as 1000.50, 1.000,50, 1,000.50, 1 000,50 or 12,5, with the currency or without.

    A sole separator before three digits, as in 1.000, may mean thousands or decimals: the problem then says what to type.
    """
    stripped = text.strip()
    if not stripped:
        return TypedAmount()
    digits = _without_currency(stripped, currency).strip()
    if BLANK_GROUPS.fullmatch(digits):
        digits = re.sub(BLANK, "", digits)
    if AMBIGUOUS.fullmatch(digits):
        return TypedAmount(problem=_two_meanings(stripped, digits))
    number = _number(digits)
    if number is None:
        return TypedAmount(problem=_problem(stripped, digits))
    if number > MAX_AMOUNT:
        return TypedAmount(problem=f"{stripped} is too large: type an amount of at most {MAX_AMOUNT:,.0f}.")
    return TypedAmount(amount=number)


def _without_currency(text: str, currency: str) -> str:
    """Return the text without one currency at its start or end, in the configured form or as a sign."""
    for sign in filter(None, (currency, "€", "$", "£")):
        if text.casefold().startswith(sign.casefold()):
            return text[len(sign) :]
        if text.casefold().endswith(sign.casefold()):
            return text[: -len(sign)]
    return text


def _number(digits: str) -> float | None:
    if PLAIN.fullmatch(digits):
        return float(digits.replace(",", "."))
    if digits.startswith(MINUS_SIGNS) and _number(digits[1:]) == 0:
        return 0.0
    grouped = GROUPED.fullmatch(digits)
    if grouped is None:
        return None
    return float(f"{grouped['whole'].replace(grouped['group'], '')}.{grouped['part'] or 0}")


def _two_meanings(text: str, digits: str) -> str:
    whole, part = re.split(r"[.,]", digits)
    kept = part.rstrip("0")
    decimal = f"{whole}.{part}0" if kept == part else f"{whole}.{kept.ljust(2, '0')}"
    return f"{text} may mean {whole}{part} or {decimal}: type {whole}{part}, or {decimal}."


def _problem(text: str, digits: str) -> str:
    if digits.startswith(MINUS_SIGNS) and _number(digits[1:]):
        return f"{text} is below 0: type an amount of 0 or more."
    if SCIENTIFIC.fullmatch(digits) and float(digits) <= MAX_AMOUNT:
        return f"{text} is not written as an amount: type {float(digits):.15g}."
    return _advice(text)


def _advice(text: str) -> str:
    return f"{text} is not an amount: type digits, such as {EXAMPLE}."
