"""The fields of one reader: what was dropped, what became of it, and how the reader labelled it."""

import hashlib
import re
import secrets
import threading
import time
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from api.schemas import MAX_REPORT_FIELDS, MICRONS_PER_PIXEL, ListedModel, ModelSummary, Prediction
from frontend import samples
from frontend.ledger import Arrival, Ledger
from frontend.translation import _

State = Literal["waiting", "answered", "refused", "unanswered"]
MAX_FILE_BYTES = 25 * 1024 * 1024
"""Of one image; the API's own limit decides below it, and says so in words."""
NOTE_CHARS, NAME_CHARS = 2_000, 80
CLASS_NAME_CHARS, CLASS_ID_CHARS = 100, 50
MAX_OWN_CLASSES = 40
TAB_GONE_S = 180.0
"""Without a word of a browser's tab, what it had yet to send will not come. Hidden tabs speak once a minute."""


@dataclass(frozen=True)
class Review:
    """What a reader says a field shows."""

    label: str
    reviewer: str = ""
    comment: str = ""
    sent: bool = False
    """Whether the API has stored it."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Asking:
    """How the API is asked for a field."""

    model: str = ""
    """Name of the model; empty for the service's own choice."""
    microns_per_pixel: float | None = None


@dataclass
class SmearField:
    """One image of a smear, on its way to an answer."""

    key: str
    """SHA-256 of the bytes: the same image twice is one field."""
    name: str
    data: bytes | None
    """The file; None once it is not needed, or its room was."""
    number: int = 0
    """Its place among all files that were dropped, from 1: the same in every view and document."""
    synthetic: bool = False
    """Drawn by the project, and labelled so wherever it is shown."""
    state: State = "waiting"
    problem: str = ""
    tries: int = 0
    """How often the API did not answer."""
    prediction: Prediction | None = None
    asked: Asking | None = None
    """How the API was asked for the prediction."""
    others: dict[str, Prediction] = field(default_factory=dict)
    """What other models say of it, by their names: for the comparison alone."""
    preview: bytes | None = None
    """JPEG of at most ``pictures.PREVIEW_PX`` a side, which any browser shows (TIFF and BMP are not)."""
    heat: bytes | None = None
    """WebP with transparency, to be laid over the preview: see ``pictures.heat_layer``."""
    review: Review | None = None
    note: str = ""
    left_out: bool = False
    """Of another specimen: in no report."""
    changed: int = 0
    """The workspace's revision at which anything here last changed."""

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
    """All fields of one reader, in the order in which they came. Safe to use from several threads.

    Attributes
    ----------
    limit_bytes
        Of image files held at a time; previews come on top, some 0.2 MB each.
    owner
        Who is signed in; empty where nobody signs in.
    """

    limit_bytes: int
    owner: str = ""
    born: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    """Tells a browser that a workspace is not the one that it knew."""
    fields: dict[str, SmearField] = field(default_factory=dict)
    arrivals: dict[str, Arrival] = field(default_factory=dict)
    specimen: str = ""
    reviewer: str = ""
    """Who reads: asked once."""
    stain: str = ""
    pixel_um: float | None = None
    """Of one pixel's side (micrometres), where the reader knows it."""
    model: str = ""
    """Name of the model that is asked; empty for the service's own choice."""
    models: list[ListedModel] = field(default_factory=list)
    """Those of the service, the default first; empty until they are known."""
    card: ModelSummary | None = None
    """Of the model that answered last."""
    own_classes: dict[str, str] = field(default_factory=dict)
    """The reader's own classes, name by id: what the model does not know, and a model of one's own is to learn."""
    trouble: str = ""
    """Why the API does not answer at the moment."""
    revision: int = 1
    removed: int = 0
    touched: float = field(default_factory=time.monotonic)
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _cards: dict[str, ModelSummary] = field(default_factory=dict, repr=False)
    _tabs: dict[str, float] = field(default_factory=dict, repr=False)
    _undo: list[tuple[str, Review | None]] = field(default_factory=list, repr=False)
    _entries: dict[str, tuple[Review | None, str, bool]] = field(default_factory=dict, repr=False)

    # --- what comes in -----------------------------------------------------------------------------

    def announce(self, file_id: str, name: str, size_bytes: int, tab: str = "") -> Arrival:
        """Note a file that was dropped, before its bytes are here: from now on the ledger counts it.

        Parameters
        ----------
        file_id : str
            Chosen by the browser; announcing one again changes nothing.
        name : str
            File name, shown on the page and sent nowhere.
        size_bytes : int
            As the browser tells it.
        tab : str
            The browser's tab that holds the file.
        """
        with self.lock:
            known = self.arrivals.get(file_id)
            if known is not None:
                return known
            arrival = Arrival(len(self.arrivals) + self.removed + 1, name, tab=tab)
            self.arrivals[file_id] = arrival
            if size_bytes > MAX_FILE_BYTES:
                limit = f"{MAX_FILE_BYTES / 2**20:.0f} MiB"
                message = _("It has {size}; at most {limit} a file are read.")
                arrival.end("too_large", message.format(size=f"{size_bytes / 2**20:.1f} MiB", limit=limit))
            elif size_bytes == 0:
                arrival.end("refused", _("The file is empty."))
            elif len(self.arrivals) > MAX_REPORT_FIELDS:
                message = _("At most {count} files are held at a time. Clear some first.")
                arrival.end("refused", message.format(count=MAX_REPORT_FIELDS))
            self.touch()
            return arrival

    def receive(self, file_id: str, data: bytes) -> SmearField:
        """Take in the bytes of an announced file; the same file sent twice is one.

        Raises
        ------
        KeyError
            Nobody announced it.
        """
        with self.lock:
            arrival = self.arrivals[file_id]
            added = self._take(arrival, data)
            arrival.end("arrived", field=added.key)
            self.touch(added)
            return added

    def add(self, name: str, data: bytes) -> SmearField:
        """Announce a file and take it in at once."""
        file_id = secrets.token_hex(8)
        self.announce(file_id, name, len(data))
        return self.receive(file_id, data)

    def _take(self, arrival: Arrival, data: bytes) -> SmearField:
        key = hashlib.sha256(data).hexdigest()
        known = self.fields.get(key)
        if known is not None and known.state in ("answered", "waiting"):
            return known
        added = SmearField(key, arrival.name, data, arrival.number, samples.is_synthetic(key))
        added.review, added.note, added.left_out = self._entries.pop(key, (None, "", False))
        self.make_room(len(data))
        self.fields[key] = added
        return added

    def not_sent(self, file_id: str, reason: str, *, too_large: bool = False) -> None:
        """Note that a file will not come, and why."""
        with self.lock:
            arrival = self.arrivals.get(file_id)
            if arrival is not None and arrival.outcome == "coming":
                arrival.end("too_large" if too_large else "not_sent", reason)
                self.touch()

    def close_tab(self, tab: str) -> None:
        """Note that a tab is closed or loaded again: what it had not sent will not come."""
        with self.lock:
            for file_id, arrival in list(self.arrivals.items()):
                if arrival.outcome == "coming" and arrival.tab == tab:
                    self.not_sent(file_id, _("The page was left before the file had arrived. Add it again."))

    def mark_tab_alive(self, tab: str) -> None:
        """Note that a tab is alive, and give up on the files of tabs that are not."""
        with self.lock:
            now = self.touched = time.monotonic()
            if tab:
                self._tabs[tab] = now
            for file_id, arrival in list(self.arrivals.items()):
                if arrival.outcome == "coming" and now - self._tabs.setdefault(arrival.tab, now) > TAB_GONE_S:
                    self.not_sent(file_id, _("The browser went away before the file had arrived. Add it again."))

    def has_room(self, length: int) -> bool:
        """Tell whether there is room for a file; answered files make way for it."""
        with self.lock:
            self.make_room(length)
            return self.held_bytes + length <= self.limit_bytes

    def make_room(self, wanted_bytes: int) -> None:
        """Drop the bytes of answered files, oldest first: only a reviewer's consent could still need them."""
        for smear_field in self.of("answered"):
            if self.held_bytes + wanted_bytes <= self.limit_bytes:
                return
            smear_field.data = None

    # --- what is there -----------------------------------------------------------------------------

    @property
    def held_bytes(self) -> int:
        """Bytes of the image files that are held."""
        return sum(len(data) for smear_field in list(self.fields.values()) if (data := smear_field.data) is not None)

    def of(self, *states: State) -> list[SmearField]:
        """List the fields in any of these states."""
        return [smear_field for smear_field in list(self.fields.values()) if smear_field.state in states]

    def reported(self) -> list[SmearField]:
        """List the answered fields that were not left out."""
        return [smear_field for smear_field in self.of("answered") if not smear_field.left_out]

    def ledger(self) -> Ledger:
        """Count every file that was dropped, each exactly once."""
        with self.lock:
            return Ledger.of(
                self.arrivals.values(),
                {key: smear_field.state for key, smear_field in self.fields.items()},
                self.removed,
            )

    def unread(self) -> list[tuple[str, str]]:
        """Name each file that was not read, and why."""
        with self.lock:
            reasons = []
            for arrival in self.arrivals.values():
                if arrival.outcome == "arrived":
                    smear_field = self.fields[arrival.field]
                    if smear_field.state in ("refused", "unanswered"):
                        reasons.append((arrival.name, _(smear_field.problem)))
                elif arrival.problem:
                    reasons.append((arrival.name, arrival.problem))
            return reasons

    # --- models ------------------------------------------------------------------------------------

    @property
    def asking(self) -> Asking:
        """How the API is asked from now on."""
        return Asking(self.model, self.pixel_um)

    def learn_models(self, models: list[ListedModel]) -> None:
        """Note which models the service has."""
        with self.lock:
            self.models = models
            self.touch()

    def learn_card(self, card: ModelSummary) -> None:
        """Note the card of a model that answered."""
        with self.lock:
            self.card = self._cards[card.digest or card.sha256] = card
            self.touch()

    def learn_other_card(self, card: ModelSummary) -> None:
        """Note the card of a model that was only compared."""
        with self.lock:
            self._cards[card.digest or card.sha256] = card

    def card_of(self, answer: Prediction) -> ModelSummary | None:
        """Give the card of the model that gave an answer; None where it was not read."""
        return self._cards.get(answer.model.sha256)

    def choose_model(self, name: str) -> None:
        """Have further fields answered by a model of the service.

        Raises
        ------
        KeyError
            The service has none of that name that can be used.
        """
        with self.lock:
            if name not in [model.name for model in self.models if model.problem is None]:
                raise KeyError(name)
            self.model = name
            self.touch()

    def set_pixel_size(self, pixel_um: float | None) -> None:
        """Note the size of a pixel (micrometres), for further fields and the report.

        Raises
        ------
        ValueError
            It is no size that the API takes.
        """
        least, most = MICRONS_PER_PIXEL
        if pixel_um is not None and not least <= pixel_um <= most:
            raise ValueError(f"A pixel's side is from {least:g} to {most:g} micrometres.")
        with self.lock:
            self.pixel_um = pixel_um
            self.touch()

    def outdated(self) -> list[SmearField]:
        """List the fields that were answered by another model or at another pixel size, and can be asked for again."""
        now = self.asking
        default = next((model.name for model in self.models if model.default), "")

        def differs(asking: Asking) -> bool:
            return (asking.model or default, asking.microns_per_pixel) != (now.model or default, now.microns_per_pixel)

        return [
            smear_field
            for smear_field in self.of("answered")
            if smear_field.data is not None and smear_field.asked and differs(smear_field.asked)
        ]

    def ask_anew(self) -> None:
        """Put the outdated fields in line again; labels and notes stay."""
        with self.lock:
            for smear_field in self.outdated():
                smear_field.state, smear_field.tries, smear_field.prediction, smear_field.others = (
                    "waiting",
                    0,
                    None,
                    {},
                )
                self.touch(smear_field)

    # --- what a reader does ------------------------------------------------------------------------

    def touch(self, *changed: SmearField) -> None:
        """Begin a new revision, in which these fields have changed."""
        with self.lock:
            self.revision += 1
            for smear_field in changed:
                smear_field.changed = self.revision

    def set_review(self, key: str, review: Review | None) -> None:
        """Keep what a reader says a field shows; None takes it back.

        Raises
        ------
        KeyError
            There is no such field.
        """
        with self.lock:
            smear_field = self.fields[key]
            if review != smear_field.review:
                self._undo.append((key, smear_field.review))
            smear_field.review = review
            self.touch(smear_field)

    def mark_stored(self, key: str, review: Review) -> None:
        """Note that the API has stored a label; this cannot be undone."""
        with self.lock:
            self.fields[key].review = review
            self.touch(self.fields[key])

    def add_class(self, name: str) -> str:
        """Add a class of the reader's own; gives its id.

        Raises
        ------
        ValueError
            It has no name, or there are more than a model can tell apart.
        """
        name = " ".join(name.split())[:CLASS_NAME_CHARS]
        if not name:
            raise ValueError("A class needs a name.")
        with self.lock:
            known = [(spec.id, spec.name) for spec in (self.card.classes if self.card else [])]
            known += self.own_classes.items()
            for label, known_name in known:
                if name.casefold() in (known_name.casefold(), label.casefold()):
                    return label
            if len(self.own_classes) >= MAX_OWN_CLASSES:
                raise ValueError(f"At most {MAX_OWN_CLASSES} classes of your own.")
            plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
            label = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:CLASS_ID_CHARS]
            label = label or f"class-{len(self.own_classes) + 1}"
            while label.casefold() in {known_label.casefold() for known_label, _name in known}:
                label = f"{label}-2"
            self.own_classes[label] = name
            self.touch()
            return label

    def undo(self) -> str | None:
        """Take the last judgement back; gives the key of its field, None where there is none to take back."""
        with self.lock:
            while self._undo:
                key, before = self._undo.pop()
                if key in self.fields:
                    self.fields[key].review = before
                    self.touch(self.fields[key])
                    return key
            return None

    def restore(self, entries: Iterable[tuple[str, Review | None, str, bool]]) -> None:
        """Take back what a reader had entered in a workspace that is gone; it waits for the fields to come again."""
        with self.lock:
            for key, review, note, left_out in entries:
                smear_field = self.fields.get(key)
                if smear_field is None:
                    self._entries[key] = (review, note, left_out)
                elif smear_field.review is None and not smear_field.note:
                    smear_field.review, smear_field.note, smear_field.left_out = review, note, left_out
                    self.touch(smear_field)

    def remove(self, key: str) -> None:
        """Forget one field and every file that brought it; the ledger goes on counting them as removed."""
        with self.lock:
            self.fields.pop(key, None)
            self._drop(file_id for file_id, arrival in list(self.arrivals.items()) if arrival.field == key)

    def dismiss(self) -> None:
        """Forget the files that were refused, too large or not sent."""
        with self.lock:
            refused = {smear_field.key for smear_field in self.of("refused")}
            for key in refused:
                del self.fields[key]
            gone = ("too_large", "refused", "not_sent")
            self._drop(
                file_id
                for file_id, arrival in list(self.arrivals.items())
                if arrival.outcome in gone or (arrival.outcome == "arrived" and arrival.field in refused)
            )

    def _drop(self, file_ids: Iterable[str]) -> None:
        for file_id in list(file_ids):
            del self.arrivals[file_id]
            self.removed += 1
        self.touch()

    def ask_again(self) -> None:
        """Put every field that the API never answered back in line."""
        with self.lock:
            self.trouble = ""
            for smear_field in self.of("unanswered"):
                smear_field.state, smear_field.problem, smear_field.tries = "waiting", "", 0
                self.touch(smear_field)

    def clear(self) -> None:
        """Forget everything: a new specimen."""
        with self.lock:
            self.fields, self.arrivals, self._undo, self._entries = {}, {}, [], {}
            # The pixel size stays: the microscope is asked for once, not with every specimen.
            self.specimen, self.stain, self.trouble, self.removed = "", "", "", 0
            self.touch()
