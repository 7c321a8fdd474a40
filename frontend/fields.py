"""The fields of one browser session: what was given, and what came of it."""

import hashlib
from dataclasses import dataclass, field
from typing import Literal

from api.schemas import Prediction
from frontend import samples

State = Literal["waiting", "answered", "refused", "unanswered"]


@dataclass
class SmearField:
    """One image of a smear, on its way to an answer."""

    key: str
    """SHA-256 of the bytes: the same image twice is one field."""
    name: str
    data: bytes | None
    synthetic: bool = False
    """Drawn by the project, and labelled so wherever it is shown."""
    state: State = "waiting"
    problem: str = ""
    prediction: Prediction | None = None
    preview: bytes | None = None
    """JPEG of at most ``pictures.PREVIEW_PX`` a side, which any browser shows (TIFF and BMP are not)."""
    heat: bytes | None = None
    """PNG with transparency, of the size of the preview."""


@dataclass
class Workspace:
    """All fields of one session, in the order in which they came. Lives in that session alone."""

    fields: dict[str, SmearField] = field(default_factory=dict)

    def add(self, name: str, data: bytes) -> SmearField:
        """Take in an image; one that is there already is asked again only if it has no answer.

        Parameters
        ----------
        name : str
            File name, shown on the page and sent nowhere.
        data : bytes
            The file.

        Returns
        -------
        SmearField
            The field, new or known.
        """
        key = hashlib.sha256(data).hexdigest()
        known = self.fields.get(key)
        if known is not None and known.state == "answered":
            return known
        self.fields[key] = SmearField(key=key, name=name, data=data, synthetic=samples.is_synthetic(key))
        return self.fields[key]

    def of(self, *states: State) -> list[SmearField]:
        """List the fields in any of these states."""
        return [one for one in self.fields.values() if one.state in states]

    def ask_again(self) -> None:
        """Put every field that the API never answered back in line."""
        for one in self.of("unanswered"):
            one.state, one.problem = "waiting", ""

    def forget(self) -> None:
        """Forget every field."""
        self.fields.clear()
