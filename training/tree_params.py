"""Files of tree parameters, which `tune` writes and training reads."""

from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from models.trees.training import TreeParams
from settings.errors import UserError


class TreeParamsError(UserError):
    """A file of parameters is not valid; the message names the key."""


def read_tree_params(file: Path) -> TreeParams:
    """Return the parameters in a JSON file. Raises TreeParamsError where they are not valid or there is no such file."""
    try:
        return TypeAdapter(TreeParams).validate_json(file.read_bytes())
    except OSError as error:
        raise TreeParamsError(f"The tree parameters in {file} cannot be read: {error.strerror}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise TreeParamsError(f"{file} does not hold valid tree parameters: {key}: {first['msg']}.") from None
