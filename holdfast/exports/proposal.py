"""What a recognised export becomes: sources, columns and settings, each with the reason for it."""

from dataclasses import dataclass, field

from holdfast.exports.source_sample import Sample


@dataclass(frozen=True)
class ColumnGuess:
    """A canonical column, where it comes from (a source column or a SQL expression), and why."""

    name: str
    source: str
    comment: str = ""


@dataclass(frozen=True)
class JoinGuess:
    """A source to join to the main one: columns of the main one (or of those joined before) to columns of this one."""

    sample: Sample
    on: dict[str, str]


@dataclass(frozen=True)
class TableGuess:
    """A table: its main source with what it needs, its columns, and the conditions on its rows with their reasons."""

    table: str
    main: Sample
    columns: tuple[ColumnGuess, ...]
    joins: tuple[JoinGuess, ...] = ()
    where: tuple[tuple[str, str], ...] = ()
    fill_down: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """A configuration: what was recognised, the tables, the settings, and what could not be seen.

    `missing` are required columns of the orders that no source has.
    """

    title: str
    tables: tuple[TableGuess, ...]
    time_zone: str = "UTC"
    currency: str | None = None
    notes: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass
class Findings:
    """Notes and open questions that are collected while a proposal is made; each sentence once."""

    notes: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    currencies: list[str] = field(default_factory=list)
    zones: list[str] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        """Add what a reader should know about a guess."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def could_not_see(self, sentence: str) -> None:
        """Add what the export does not tell, and what to do."""
        if sentence not in self.unseen:
            self.unseen.append(sentence)
