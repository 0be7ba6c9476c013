"""Which of the issued lists of a kind and week counts, and which were acted on."""

from collections.abc import Iterable

import sqlalchemy as sa

from serving.store.lists.issued import IssuedList, issued_lists


def next_issue_order(existing: Iterable[IssuedList]) -> int:
    """Return the order of the next issue, after all lists of a kind and week."""
    return max((issued.issue_order or issued.number for issued in existing), default=0) + 1


def by_precedence(lists: Iterable[IssuedList]) -> list[IssuedList]:
    """Return lists of one kind and week, the effective one first.

    That is the one issued last, or issued again last. Lists cut short by a limit are previews and come last. A list whose run was
    withdrawn may have been acted on: it counts until another one is issued.
    """
    return sorted(lists, key=lambda issued: issued.precedence, reverse=True)


def effective_lists(engine: sa.Engine) -> list[IssuedList]:
    """Return the list of each kind and week that counts as acted on (`by_precedence`)."""
    ordered = by_precedence(issued_lists(engine))
    return list({(issued.kind, issued.week): issued for issued in reversed(ordered)}.values())


def acted_on_lists(engine: sa.Engine) -> list[IssuedList]:
    """Return all lists that count as acted on: the effective ones first, then those read or downloaded before a replacement."""
    effective = effective_lists(engine)
    effective_ids = {issued.list_id for issued in effective}
    lists = issued_lists(engine)
    return effective + [issued for issued in lists if issued.acted_on_at is not None and issued.list_id not in effective_ids]


def effective_list(engine: sa.Engine, kind: str, week: str) -> IssuedList | None:
    """Return the effective list of a kind and week; None if none was issued yet."""
    return next(iter(by_precedence(issued_lists(engine, kind, week))), None)


def counting_sentence(issued: IssuedList, effective: IssuedList | None) -> str:
    """Return which list of a kind and week counts, seen from one of them; `effective` is the one of `effective_list`."""
    name = f"the {issued.kind.replace('_', '-')} list of {issued.week}"
    if issued.withdrawn_at is not None:
        return f"The scores of this list were withdrawn on {issued.withdrawn_at:%Y-%m-%d}: do not act on it."
    if effective is None or effective.list_id == issued.list_id:
        return f"This list counts as {name}."
    reason = "a limit cut this one short" if issued.row_limit is not None else "it was issued later"
    return f"{effective.list_id} counts as {name}, not this one: {reason}."
