"""From the files of an export to a proposed configuration."""

from dataclasses import replace
from datetime import datetime

from holdfast.exports.generic import propose_generic
from holdfast.exports.known import propose_known
from holdfast.exports.layout import match_layout
from holdfast.exports.proposal import Proposal
from holdfast.exports.same_columns import merge_parts
from holdfast.exports.source_sample import read_samples


def recognise(places: list[str], today: datetime) -> Proposal:
    """Return the proposal for files, workbooks and database URLs.

    Raises ExportError for a place that cannot be read.
    """
    samples = merge_parts(read_samples(places))
    matches = match_layout(samples)
    proposal = propose_known(matches, today) if matches else propose_generic(samples, today)
    guessed = [
        f"{each.name} is not UTF-8; it is read as {each.options['encoding']}." for each in samples if "encoding" in each.options
    ]
    partial = [
        f"The guesses on {each.name} are from its first {each.cells.height:,} rows." for each in samples if each.is_partial
    ]
    return replace(proposal, notes=(*guessed, *partial, *proposal.notes))
