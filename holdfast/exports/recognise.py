"""From the files of an export to a proposed configuration."""

from datetime import datetime

from holdfast.exports.generic import propose_generic
from holdfast.exports.known import propose_known
from holdfast.exports.layout import match_layout
from holdfast.exports.proposal import Proposal
from holdfast.exports.same_columns import merge_parts
from holdfast.exports.source_sample import Sample, read_samples


def recognise(places: list[str], today: datetime) -> tuple[Proposal, list[Sample]]:
    """Return the proposal for files, workbooks and database URLs, and the samples it was made from.

    Raises ExportError for a place that cannot be read.
    """
    samples = merge_parts(read_samples(places))
    matches = match_layout(samples)
    return (propose_known(matches, today) if matches else propose_generic(samples, today)), samples
