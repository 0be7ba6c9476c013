"""Find the rows of erased customers in a table, by the keyed hashes of its cells."""

import re
from dataclasses import dataclass

import polars as pl

from features.frames.columns import CUSTOMER
from features.storage.hashing import HashedIds

ID_COLUMNS = (CUSTOMER, "was_customer_id", "old_id", "new_id", "was_old_id", "was_new_id", "recorded_id")
REFERRER_COLUMNS = ("referred_by", "was_referred_by")
QUARANTINE_COLUMNS = {"rule", "row_key"}
TORN_ROW_RULES = ("broken_quotes", "too_many_cells")  # cells of such rows may be in the wrong columns
CELL_IN_TORN_ROW, WORD = r"[^,;\t|\"]+", r"[\p{L}\p{N}_.@+-]+"


@dataclass(frozen=True)
class ErasedCustomers:
    """The erased customers whose rows are to be removed; `ids` are the ids of a single one, where they are known."""

    hashes: HashedIds
    ids: tuple[str, ...] = ()

    def own_rows(self, text_columns: list[str]) -> list[pl.Expr]:
        """Return the conditions under which a row is one of theirs; `text_columns` are the columns of texts."""
        own = [self.is_id(name) for name in ID_COLUMNS if name in text_columns]
        if set(text_columns) >= QUARANTINE_COLUMNS:  # a quarantine file, whose ids may be in any column
            own += [self.is_id(name) for name in text_columns] + [self._is_in_torn_row(name) for name in text_columns]
        return own

    def referrers(self, text_columns: list[str]) -> dict[str, pl.Expr]:
        """Return, by column, the condition under which it names one of them in another customer's row."""
        return {name: self.is_id(name) for name in REFERRER_COLUMNS if name in text_columns}

    def is_id(self, column: str | pl.Expr) -> pl.Expr:
        """Return whether a text is such an id; surrounding white space and a spreadsheet's apostrophe do not matter."""
        text = pl.col(column) if isinstance(column, str) else column
        stripped = text.str.strip_chars()
        return self.hashes.holds(stripped) | self.hashes.holds(stripped.str.strip_prefix("'")) | self.hashes.holds(text)

    def _is_in_torn_row(self, column: str) -> pl.Expr:
        """Return whether a cell of a torn row contains such an id, as a cell of its own or as a word."""
        is_torn, text = pl.col("rule").is_in(TORN_ROW_RULES), pl.col(column)
        parts = [
            text.str.extract_all(pattern).list.eval(self.is_id(pl.element())).list.any() for pattern in (CELL_IN_TORN_ROW, WORD)
        ]
        parts += [text.str.contains(rf"(^|[^\w]){re.escape(each)}($|[^\w])") for each in self.ids]
        return (is_torn & pl.any_horizontal(parts)).fill_null(value=False)
