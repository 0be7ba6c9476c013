"""The SQL query of a table that is proposed from the tables of a database."""

import sqlalchemy as sa

from features.tables.joined_files import joined_name
from holdfast.exports.proposal import TableGuess


def query_of(guess: TableGuess) -> str:
    """Return a query with the columns of the main table and of those joined to it, under the names that the guess uses."""
    quote = sa.make_url(str(guess.main.url)).get_dialect()().identifier_preparer.quote_identifier
    main = quote(str(guess.main.table))
    taken = {name: f"{main}.{quote(name)}" for name in guess.main.columns}
    selected, joins = [f"{main}.*"], []
    for join in guess.joins:
        table = quote(str(join.sample.table))
        conditions = " and ".join(f"{taken[left]} = {table}.{quote(right)}" for left, right in join.on.items())
        joins.append(f" left join {table} on {conditions}")
        for name in join.sample.columns:
            if name not in join.on.values():
                after = joined_name(name, taken, join.sample.stem)
                taken[after] = f"{table}.{quote(name)}"
                selected.append(f"{table}.{quote(name)} as {quote(after)}")
    return f"select {', '.join(selected)} from {main}{''.join(joins)}"  # noqa: S608  # names of the database's own, quoted
