"""Why a table cannot be used."""

from settings.errors import UserError


class TableUnusableError(UserError):
    """A whole table cannot be used: missing, empty, without a required column, or of the wrong type.

    The text is one sentence that names table, column and what was found. `public` is that sentence without any content of the
    file, for pages that many people read.
    """

    def __init__(self, table: str, sentence: str, public: str | None = None) -> None:
        """Store table and sentence separately, for reports that list tables."""
        super().__init__(f"Table {table}: {sentence}")
        self.table = table
        self.sentence = sentence
        self.public = public or sentence
