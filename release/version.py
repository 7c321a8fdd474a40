"""The version of the software, which ``pyproject.toml`` alone says, and when it was released."""

import datetime as dt
import re
import tomllib

from release.graphviz import ROOT


def version() -> str:
    """Give the version that is or will be released next from here."""
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])


def released() -> dt.datetime:
    """Give midnight, UTC, of the day that CHANGELOG.md gives for this version.

    Raises
    ------
    ValueError
        The changelog has no section of this version.
    """
    return dt.datetime.fromisoformat(_section()["day"]).replace(tzinfo=dt.UTC)


def notes() -> str:
    """Give what CHANGELOG.md says of this version.

    Raises
    ------
    ValueError
        The changelog has no section of this version.
    """
    return _section()["text"].strip() + "\n"


def _section() -> re.Match[str]:
    section = re.search(
        rf"^## \[{re.escape(version())}\] - (?P<day>\d{{4}}-\d\d-\d\d)$(?P<text>.*?)(?=^## |\Z)",
        (ROOT / "CHANGELOG.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    if section is None:
        raise ValueError(f"CHANGELOG.md has no section '## [{version()}] - YYYY-MM-DD': write it, or mend the version")
    return section
