"""Which rows of an unknown export are orders: cancelled ones, tests and other events are left out, returns are recognised."""

from holdfast.exports.cells.sql import literal
from holdfast.exports.columns import SourceColumns
from holdfast.exports.order_words import NO_ORDER, PARTIAL, REFUNDED, RETURN_TYPES, distinct_words, purchase_word, words_like
from holdfast.exports.proposal import Findings

Conditions = tuple[tuple[str, str], ...]
MANY_WORDS = 3


def row_conditions(found: dict[str, str], columns: SourceColumns, findings: Findings) -> tuple[Conditions, str | None]:
    """Return the conditions on rows with their reasons, and the condition for rows that are returns, or None."""
    conditions = [*_status(found, columns, findings), *_tests(found, columns)]
    type_conditions, returned = _types(found, columns, findings)
    return (*conditions, *type_conditions), returned


def _listed(words: list[str]) -> str:
    return ", ".join(literal(word) for word in words)


def _status(found: dict[str, str], columns: SourceColumns, findings: Findings) -> Conditions:
    if "status" not in found:
        findings.could_not_see("Which orders were cancelled: there is no column with a status.")
        return ()
    column = found["status"]
    words = distinct_words(columns.cells[column])
    left_out = words_like(words, NO_ORDER)
    refunded = [word for word in words_like(words, REFUNDED, PARTIAL) if word not in left_out]
    if refunded and not _has_returns(found, columns):
        findings.note(f"Orders with the {column} {', '.join(refunded)} are left out: the export has no lines for their returns.")
        left_out += refunded
    kept = [word for word in words if word not in left_out]
    if kept and len(words) > 1:
        findings.note(f"Rows with the {column} {', '.join(kept[:8])} count as orders.")
    if not left_out:
        return ()
    return ((f"COALESCE({columns.text(column)}, '') NOT IN ({_listed(left_out)})", "no orders"),)


def _has_returns(found: dict[str, str], columns: SourceColumns) -> bool:
    """Whether some amount or quantity is negative, so that the export has lines for returns."""
    names = [found[role] for role in ("quantity", "line_amount", "amount", "price") if role in found]
    return any(bool(columns.cells[name].drop_nulls().str.contains(r"^\s*[-(]|-\s*$").any()) for name in names)


def _tests(found: dict[str, str], columns: SourceColumns) -> Conditions:
    if "test" not in found:
        return ()
    column = found["test"]
    words = [
        word
        for word in distinct_words(columns.cells[column])
        if word.strip().lower() in {"true", "yes", "1", "test", "t", "y", "ja"}
    ]
    if not words or "live" in column.lower():
        return ()
    return ((f"COALESCE({columns.text(column)}, '') NOT IN ({_listed(words)})", "test orders"),)


def _types(found: dict[str, str], columns: SourceColumns, findings: Findings) -> tuple[Conditions, str | None]:
    if "type" not in found:
        return (), None
    column = found["type"]
    words = distinct_words(columns.cells[column])
    returns = words_like(words, RETURN_TYPES)
    bought = purchase_word([word for word in words if word not in returns])
    if len(words) >= MANY_WORDS and bought is not None and not _means_sale(words):
        kept = [bought, *([] if _has_returns(found, columns) else returns)]
        others = ", ".join(word for word in words if word not in kept)
        findings.note(f"Rows with the {column} {bought} are purchases; {others[:80]} are not.")
        condition = (f"{columns.text(column)} IN ({_listed(kept)})", "purchases, of all events")
        return (condition,), _returned(column, returns, found, columns)
    return (), _returned(column, returns, found, columns)


def _means_sale(words: list[str]) -> bool:
    """Whether most of the words are kinds of sales rather than events of a visit."""
    events = (
        "view",
        "cart",
        "click",
        "open",
        "visit",
        "search",
        "login",
        "received",
        "started",
        "identify",
        "page",
        "remove",
        "active",
    )
    return not words_like(words, events)


def _returned(column: str, returns: list[str], found: dict[str, str], columns: SourceColumns) -> str | None:
    return f"{columns.text(column)} IN ({_listed(returns)})" if returns and not _has_returns(found, columns) else None
