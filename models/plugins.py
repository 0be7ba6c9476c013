"""Candidates of other packages: installed ones, by entry point, and those that a reference names.

A package offers a candidate in its `pyproject.toml`:

    [project.entry-points."holdfast.candidates"]
    seasonal = "my_package.models:SeasonalCandidate"

Such a candidate takes part like a built-in one, and its model may serve, because every process that loads a champion finds the
package. A reference such as "my_module:Candidate" in the configuration is for experiments: its model never serves.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from models.errors import PluginError

GROUP = "holdfast.candidates"


@cache
def installed_candidates() -> tuple[Any, ...]:
    """Return the candidates of installed packages, by name of their entry point."""
    return tuple(_instance(point.load()) for point in sorted(entry_points(group=GROUP), key=lambda point: point.name))


def load_reference(reference: str) -> Any:  # noqa: ANN401  # whatever the reference names
    """Return what "module:attribute" names, an instance where that is a class.

    Raises PluginError where it cannot be imported, or is no candidate.
    """
    found = _instance(load_attribute(reference, "candidate"))
    if not isinstance(getattr(found, "name", None), str) or not callable(getattr(found, "fit", None)):
        raise PluginError(f"{reference!r} is no candidate: it needs a `name` and a method `fit(snapshots, current)`.")
    return found


def load_attribute(reference: str, kind: str) -> Any:  # noqa: ANN401  # whatever the reference names
    """Return what "module:attribute" names; `kind` is what that should be. Raises PluginError where it cannot be imported."""
    module, _, attribute = reference.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise PluginError(f"The {kind} {reference!r} cannot be loaded: {error}.") from None


def _instance(found: Any) -> Any:  # noqa: ANN401  # a class or an instance of any kind
    return found() if isinstance(found, type) else found
