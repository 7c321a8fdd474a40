"""The fields of one browser session: what was given, and what came of it."""

import hashlib
from dataclasses import dataclass, field
from typing import Literal

from api.schemas import MAX_REPORT_FIELDS, Prediction
from frontend import samples

State = Literal["waiting", "answered", "refused", "unanswered"]


@dataclass
class SmearField:
    """One image of a smear, on its way to an answer."""

    key: str
    """SHA-256 of the bytes: the same image twice is one field."""
    name: str
    data: bytes | None
    """The file; None once it is not needed, or its room was."""
    synthetic: bool = False
    """Drawn by the project, and labelled so wherever it is shown."""
    state: State = "waiting"
    problem: str = ""
    prediction: Prediction | None = None
    preview: bytes | None = None
    """JPEG of at most ``pictures.PREVIEW_PX`` a side, which any browser shows (TIFF and BMP are not)."""
    heat: bytes | None = None
    """WebP with transparency, to be laid over the preview: see ``pictures.heat_layer``."""
    reviewed: str | None = None
    """The label that a reviewer sent."""

    @property
    def answer(self) -> Prediction:
        """The prediction of an answered field.

        Raises
        ------
        ValueError
            The field has none.
        """
        if self.prediction is None:
            raise ValueError(f"{self.name} has no answer")
        return self.prediction


@dataclass
class Workspace:
    """All fields of one session, in the order in which they came.

    Attributes
    ----------
    limit_bytes
        Of image files held at a time, those on their way here included; previews come on top, some 0.2 MB each.
    """

    limit_bytes: int
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
            The field, new or known; in state ``refused`` where the session has no room for it.
        """
        key = hashlib.sha256(data).hexdigest()
        known = self.fields.get(key)
        if known is not None and known.state in ("answered", "waiting"):
            return known
        added = SmearField(key=key, name=name, data=data, synthetic=samples.is_synthetic(key))
        self.fields.pop(key, None)
        self.make_room(len(data))
        if self.held_bytes + len(data) > self.limit_bytes or len(self.fields) >= MAX_REPORT_FIELDS:
            added.state, added.data = "refused", None
            added.problem = (
                f"This session holds {self.held_bytes / 1e6:.0f} MB in {len(self.fields)} images, and has no room for "
                "more. Add it after the others are classified, or clear them first."
            )
        self.fields[key] = added
        return added

    def refuse(self, name: str) -> None:
        """Note a file that never arrived, as there was no room for it beside the others that were added with it."""
        key = hashlib.sha256(name.encode()).hexdigest()
        limit = f"{self.limit_bytes / 1e6:.0f} MB"
        problem = f"There was no room for it: at most {limit} at a time. Add it again now, after the others."
        self.fields.setdefault(key, SmearField(key=key, name=name, data=None, state="refused", problem=problem))

    @property
    def held_bytes(self) -> int:
        """Bytes of the image files that are held."""
        return sum(len(data) for one in list(self.fields.values()) if (data := one.data) is not None)

    def of(self, *states: State) -> list[SmearField]:
        """List the fields in any of these states."""
        return [one for one in list(self.fields.values()) if one.state in states]

    def ask_again(self) -> None:
        """Put every field that the API never answered back in line."""
        for one in self.of("unanswered"):
            one.state, one.problem = "waiting", ""

    def forget(self, *states: State) -> None:
        """Forget the fields in these states; all of them where none is named."""
        self.fields = {key: one for key, one in self.fields.items() if states and one.state not in states}

    def make_room(self, wanted_bytes: int) -> None:
        """Let go of files that were answered, oldest first: only a reviewer's consent could still need them."""
        for one in self.of("answered"):
            if self.held_bytes + wanted_bytes <= self.limit_bytes:
                return
            one.data = None
