"""What a shop gets that is too small for a model: its customers by recency and value, with the limit said."""

from pathlib import Path

from features.windows import order_gaps
from holdfast.jobs.session import Session, suppressed_ids
from serving.lists.recency_value_files import write_recency_value_files
from serving.scoring.recency_value import RecencyValueList, list_by_recency_and_value


def has_repeat_buyers(session: Session) -> bool:
    """Return whether any customer has bought on two days."""
    return not order_gaps(session.tables, session.as_of).filter("ended").is_empty()


def write_small_shop_list(session: Session) -> tuple[RecencyValueList, list[Path]]:
    """Write the customers by recency and value to lists/ in the workspace; return them, and the files."""
    settings = session.settings
    suppressed = suppressed_ids(settings, session.store)
    ranked = list_by_recency_and_value(settings, session.tables, session.as_of, suppressed)
    folder = settings.workspace.path / "lists"
    return ranked, write_recency_value_files(ranked.rows, ranked.sentence, ranked.as_of, folder)
