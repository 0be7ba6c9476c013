"""Write amounts: rounded half up, with one format wherever people read them."""

from decimal import ROUND_HALF_UP, Decimal

MAX_WITH_CENTS = 100
SIGNIFICANT_DIGITS = 2


def round_half_up(amount: float, decimals: int = 0) -> Decimal:
    """Return an amount rounded as it is written: 594.5 to 595, -594.5 to -595, and never to a negative zero.

    `round` and format strings round halves to the even digit, and 1.005 by its binary value.
    """
    rounded = Decimal(repr(float(amount))).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return rounded or abs(rounded)


def format_amount(amount: float, decimals: int = 0) -> str:
    """Return an amount with separators of thousands, rounded half up."""
    return f"{round_half_up(amount, decimals):,}"


def format_money(amount: float) -> str:
    """Return an amount of money, with cents below a hundred."""
    return format_amount(amount, 2 if abs(amount) < MAX_WITH_CENTS else 0)


def format_rough(amount: float) -> str:
    """Return an amount with two significant digits, such as 3,900: as much as an assumption supports.

    Amounts below one keep at most two decimals.
    """
    exact = Decimal(repr(float(amount)))
    if not exact:
        return "0"
    decimals = min(SIGNIFICANT_DIGITS - 1 - exact.adjusted(), 2)
    rounded = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return f"{rounded.quantize(Decimal(1)) if decimals < 0 else rounded:,}" if rounded else "0"
