"""The two keys of an environment's file that say which model it serves; everything else stays as it was written."""

import difflib
import tomllib
from pathlib import Path

import tomlkit
from tomlkit.items import Table

from training.promotion.command import PromotionError

TABLE = "model"
_HEADER = f"[{TABLE}]"


def with_model(text: str, uri: str, sha256: str) -> str:
    """Name a model in the text of an environment's file."""
    document = tomlkit.parse(text)
    if TABLE not in document:
        return f'{text.rstrip()}\n\n{_HEADER}\nuri = "{uri}"\nsha256 = "{sha256}"\n'
    table = document[TABLE]
    for key, value in (("uri", uri), ("sha256", sha256)):
        table[key] = value
    return document.as_string()


def without_model(text: str) -> str:
    """Leave the model out of the text, so that the environment serves the shipped one.

    Raises
    ------
    PromotionError
        The model is not written as a table of its own.
    """
    document = tomlkit.parse(text)
    if TABLE not in document:
        return text
    expected = {key: value for key, value in tomllib.loads(text).items() if key != TABLE}
    if isinstance(document[TABLE], Table):
        # To TOML, comments after the last key belong to this table; to a person they introduce the next one. So lines
        # go out from the header to the last key, and not one more.
        lines = text.splitlines(keepends=True)
        first = next(number for number, line in enumerate(lines) if line.strip() == _HEADER)
        following = range(first + 1, len(lines))
        end = next((number for number in following if lines[number].startswith("[")), len(lines))
        last = max(number for number in range(first, end) if lines[number].strip() and lines[number][0] != "#")
        shortened = "".join(lines[:first]).rstrip() + "\n" + "".join(lines[last + 1 :])
        if tomllib.loads(shortened) == expected:
            return shortened
    raise PromotionError(f"{_HEADER} is not written as a table of its own: take it out by hand, and commit")


def difference(path: Path, before: str, after: str) -> str:
    """Give the change as ``git diff`` would show it."""
    name = f"environments/{path.name}"
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm="")
    return "\n".join(lines)
