"""What a model tells apart: its classes, as its card lists them. Two to fifty, of any disease."""

import unicodedata
from collections.abc import Iterable
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_CLASSES: Final = 50
CLASS_ID: Final = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"
"""What a label may be: it becomes a key, a column and a metric."""

TriageGroup = Literal["malignant", "benign"]

_INVISIBLE: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
"""Unicode's control, format (direction marks among them), private, surrogate, unassigned and separator categories."""


def _one_line(text: str) -> str:
    if text != text.strip() or any(unicodedata.category(char) in _INVISIBLE for char in text):
        raise ValueError("must be one line of visible characters, without blanks around it")
    return text


Line = Annotated[str, AfterValidator(_one_line)]


class ClassSpec(BaseModel):
    """One class.

    Attributes
    ----------
    id
        The label: in answers, files and metrics.
    name
        What a reader is shown, in any script, as within a sentence ("early pre-B").
    description
        One line on what such a field shows.
    triage
        The side it is counted to; None for a class of neither.
    colour
        ``#rrggbb`` in charts; None leaves it to the page.
    aliases
        What copies of the data set call it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=CLASS_ID)
    name: Line = Field(min_length=1, max_length=100)
    description: Line = Field(default="", max_length=300)
    triage: TriageGroup | None = None
    colour: str | None = Field(default=None, pattern=r"^#[0-9a-fA-F]{6}$")
    aliases: tuple[Line, ...] = ()


def check_classes(classes: Iterable[ClassSpec]) -> None:
    """Refuse classes that share an id, or an alias with another, upper and lower case being one.

    Raises
    ------
    ValueError
        Names what appears twice.
    """
    owners: dict[str, str] = {}
    for spec in classes:
        if spec.id.casefold() in owners:
            raise ValueError(f"labels: each may appear once, and {spec.id!r} does not")
        owners[spec.id.casefold()] = spec.id
    for spec in classes:
        for alias in spec.aliases:
            if owners.setdefault(alias.casefold(), spec.id) != spec.id:
                raise ValueError(f"classes: {alias!r} stands for both {owners[alias.casefold()]!r} and {spec.id!r}")
