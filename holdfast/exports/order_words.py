"""Words that say what became of an order, in the main languages: which rows are no orders, and which are returns."""

import polars as pl

NO_ORDER = (
    *(
        "cancel",
        "void",
        "fail",
        "declin",
        "reject",
        "expired",
        "draft",
        "abandon",
        "refused",
        "denied",
        "chargeback",
        "fraud",
        "trash",
    ),
    *("unavailable", "test", "incomplete", "storno", "stornier", "abgebrochen", "fehlgeschlagen", "abgelehnt", "annul", "echou"),
    *("rechaz", "fallid", "rifiut", "geannuleerd", "mislukt", "anulow", "zamkni", "requires_payment", "unpaid"),
)
REFUNDED = (
    "refund",
    "returned",
    "erstattet",
    "retour",
    "rembours",
    "reembols",
    "devuelt",
    "rimbors",
    "terugbetaald",
    "zwrot",
    "closed",
)
PARTIAL = ("partial", "teil", "partiel", "parcial", "parzial", "gedeeltelijk", "not ", "non")
RETURN_TYPES = ("refund", "return", "credit", "retoure", "rueckgabe", "gutschrift", "avoir", "devolu", "reso", "creditnota")
PURCHASES = (
    *("purchase", "placed order", "ordered product", "order_placed", "order placed", "order completed", "checkout completed"),
    *("transaction", "order", "sale", "payment", "charge", "kauf", "achat", "compra", "acquisto", "buy", "paid"),
)
MAX_WORDS = 60


def distinct_words(cells: pl.Series) -> list[str]:
    """Return the distinct cells of a column, the most frequent first; empty for a column of free text."""
    counts = cells.drop_nulls().value_counts(sort=True, name="rows")
    return [] if counts.height > MAX_WORDS else counts[cells.name].to_list()


def words_like(words: list[str], parts: tuple[str, ...], unlike: tuple[str, ...] = ()) -> list[str]:
    """Return the words that contain one of the parts, and none of `unlike`."""
    return [word for word in words if _has(word, parts) and not _has(word, unlike)]


def _has(word: str, parts: tuple[str, ...]) -> bool:
    return any(part in word.lower() for part in parts)


def purchase_word(words: list[str]) -> str | None:
    """Return the event that is a purchase, of the events in a log; None if no word says so."""
    exact = [word for part in PURCHASES for word in words if word.lower() == part]
    containing = [
        word for part in PURCHASES for word in words if part in word.lower() and not _has(word, (*NO_ORDER, *REFUNDED, "start"))
    ]
    return next(iter([*exact, *containing]), None)
