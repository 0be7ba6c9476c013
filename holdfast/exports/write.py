"""Recognise an export, try the configuration on it, and write it."""

from pathlib import Path

from features.storage.files import temporary_path, write_durably
from holdfast.exports.proposal import Proposal
from holdfast.exports.recognise import recognise
from holdfast.exports.render import render, with_password_file
from holdfast.exports.source_sample import ExportError
from holdfast.exports.verify import Totals, verify
from settings.clock import utc_now
from settings.load import load_settings


def write_configuration(places: list[str], out: Path, *, replaces: bool = False) -> tuple[Proposal, Totals]:
    """Write the configuration for an export to `out`; return the proposal and what the export adds up to with it.

    Raises ExportError for a place that cannot be read, or if `out` exists and `replaces` is not set.
    """
    if out.exists() and not replaces:
        raise ExportError(f"{out} exists; add --force to replace it, or name another file with --out.")
    proposal = recognise(places, utc_now())
    folder = out.resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    proposal = with_password_file(proposal, folder)
    totals = Totals([]) if proposal.missing else _try(proposal, out)
    write_durably(out, render(proposal, folder, totals.typical_order).encode())
    return proposal, totals


def _try(proposal: Proposal, out: Path) -> Totals:
    """Return what the export adds up to with a configuration in a temporary file beside `out`, where its paths hold."""
    with temporary_path(out.resolve()) as path:
        path.write_text(render(proposal, path.parent, typical_order=0.0), encoding="utf-8")
        return verify(load_settings(path), utc_now())
