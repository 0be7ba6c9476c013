"""Files of one export that came in parts, such as one per month: one source with a pattern for their names."""

import glob
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import polars as pl

from holdfast.exports.source_sample import ROWS, ExportError, Sample


def merge_parts(samples: list[Sample]) -> list[Sample]:
    """Return the samples with those of the same columns as one. Raises ExportError if no pattern names these files only."""
    groups: dict[tuple[str, ...], list[Sample]] = {}
    for sample in samples:
        place = sample.name if sample.file is None else ""  # tables of a database stay apart
        groups.setdefault((place, *sample.columns), []).append(sample)
    return [parts[0] if len(parts) == 1 else _merge(parts) for parts in groups.values()]


def _merge(parts: list[Sample]) -> Sample:
    files = sorted({part.file for part in parts if part.file is not None})
    cells = pl.concat([part.cells for part in parts]).head(ROWS)
    options = dict(parts[0].options)
    if len(files) == 1:
        sheets = [str(part.options["sheet"]) for part in parts]
        return replace(parts[0], name=files[0].name, cells=cells, options=options | {"sheet": _pattern(sheets)})
    if any(part.options != parts[0].options for part in parts):
        raise ExportError(
            f"{', '.join(part.name for part in parts)} have the same columns, but are written differently; save them alike."
        )
    return replace(parts[0], name=f"{len(files)} files", cells=cells, file=_file_pattern(files))


def _pattern(names: list[str]) -> str:
    """Return what the names share at their beginning and end, with a star between."""
    start = _common_start(names)
    end = _common_start([name[len(start) :][::-1] for name in names])[::-1]
    return f"{start}*{end}"


def _common_start(names: list[str]) -> str:
    pairs = zip(min(names), max(names), strict=False)
    return "".join(first for first, _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _file_pattern(files: list[Path]) -> Path:
    pattern = Path(_pattern([str(file) for file in files]))
    matched = {Path(name).resolve() for name in glob.glob(str(pattern))}  # noqa: PTH207  # the pattern may be absolute
    if matched != {file.resolve() for file in files}:
        names = ", ".join(file.name for file in files)
        raise ExportError(f"No pattern names {names} and no other file; put them into a folder of their own.")
    return pattern
