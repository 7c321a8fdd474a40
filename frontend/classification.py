"""Sends waiting fields to the API, several at a time, in the background: whatever view its reader looks at."""

import contextlib
import threading
from typing import Protocol

from api.schemas import ListedModel, ModelSummary, Prediction
from client import (
    LeukolensError,
    NotAllowedError,
    RefusedImageError,
    RequestError,
    ServiceError,
    TooLargeError,
    TooManyRequestsError,
    UnavailableError,
    UnreachableError,
)
from frontend import pictures
from frontend.translation import mark
from frontend.workspace import SmearField, Workspace
from intake import ImageError

PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Before an image that got no answer is sent again; an API that is restarted is back within them."""
SILENT = mark("The classification service does not answer.")
NOT_ALLOWED = mark("The classification service does not let this page in. Tell whoever runs it.")
_PASSING = (UnreachableError, UnavailableError, TooManyRequestsError, ServiceError)


class Service(Protocol):
    """What a batch needs of the API; ``client.LeukolensClient`` has it."""

    def predict(
        self, data: bytes, explain: bool = ..., *, model: str | None = ..., microns_per_pixel: float | None = ...
    ) -> Prediction:
        """Classify one image."""

    def model(self, name: str | None = ...) -> ModelSummary:
        """Give a model's card."""

    def models(self) -> list[ListedModel]:
        """List the models, the default first."""


class Batch:
    """The classification of one workspace's fields.

    Parameters
    ----------
    workspace : Workspace
        Its waiting fields are taken in their order.

    Attributes
    ----------
    expired
        Whether the API no longer takes the reader's token: the fields wait until they have signed in again.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._lock = threading.Lock()
        self._threads: set[threading.Thread] = set()
        self._taken: set[str] = set()
        self._woken = threading.Event()
        self.stopped = self.expired = False
        self._service: Service | None = None
        self._workers, self._signed_in = 1, False
        self._listing: threading.Thread | None = None

    def connect(self, service: Service, workers: int, *, signed_in: bool = False) -> None:
        """Set the client to ask; the latest one is used, since a token may be renewed.

        Parameters
        ----------
        service : Service
            The API's client.
        workers : int
            Calls at the same time.
        signed_in : bool
            Whether it asks by the token of a reader, who can get another by signing in again.
        """
        if service is not self._service:
            self.expired = False
        self._service, self._workers, self._signed_in = service, workers, signed_in
        if not self._workspace.models and (self._listing is None or not self._listing.is_alive()):
            # Apart, for nobody shall wait for it; asked again at the next run of the script where it fails.
            self._listing = threading.Thread(target=self._list, args=(service,), name="models", daemon=True)
            self._listing.start()

    def _list(self, service: Service) -> None:
        with contextlib.suppress(LeukolensError):
            self._workspace.learn_models(service.models())

    @property
    def busy(self) -> bool:
        """Whether fields are being classified."""
        return bool(self._threads)

    def start(self) -> None:
        """Classify the waiting fields until none is left; does nothing while that is under way."""
        self.stopped = False
        with self._lock:
            wanted = min(self._workers, len(self._workspace.of("waiting"))) - len(self._threads)
            if self._service is None or self.expired:
                return
            for _ in range(wanted):
                thread = threading.Thread(target=self._run, name="classify", daemon=True)
                self._threads.add(thread)
                thread.start()

    def resume(self) -> None:
        """Start, unless the reader has stopped the batch."""
        if not self.stopped:
            self.start()

    def stop(self) -> None:
        """Leave the rest waiting; fields that were sent already still get their answers."""
        self.stopped = True
        self._woken.set()

    def wait(self) -> None:
        """Wait until nothing is under way."""
        if self._listing is not None:
            self._listing.join()
        while threads := list(self._threads):
            for thread in threads:
                thread.join()

    def _run(self) -> None:
        try:
            while (field := self._take()) is not None:
                self._classify(field)
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())
            self._workspace.touch()

    def _take(self) -> SmearField | None:
        with self._lock:
            waiting = [field for field in self._workspace.of("waiting") if field.key not in self._taken]
            if self.stopped or self.expired or not waiting:
                # Out of the count before the lock is let go: a field that comes now starts a thread of its own.
                self._threads.discard(threading.current_thread())
                return None
            self._taken.add(waiting[0].key)
            return waiting[0]

    def _classify(self, field: SmearField) -> None:
        pause_s = 0.0
        try:
            data, service = field.data, self._service
            if data is not None and service is not None:
                pause_s = self._ask(field, data, service)
        finally:
            self._workspace.touch(field)
            if pause_s:
                self._woken.clear()
                self._woken.wait(pause_s)
            self._taken.discard(field.key)

    def _ask(self, field: SmearField, data: bytes, service: Service) -> float:
        """Ask for one field; gives how long to wait before the next try (s), 0 where none is needed."""
        asking = self._workspace.asking
        try:
            prediction = service.predict(
                data, explain=True, model=asking.model or None, microns_per_pixel=asking.microns_per_pixel
            )
        except (RefusedImageError, TooLargeError) as refusal:
            field.state, field.problem, field.data = "refused", refusal.problem.detail, None
        except NotAllowedError as refusal:
            if self._signed_in and refusal.expired:
                # Only where the token is still in use: an answer may come after its reader has got another.
                self.expired = service is self._service
            else:
                field.state, field.problem = "unanswered", NOT_ALLOWED
        except RequestError as refusal:
            field.state, field.problem = "unanswered", f"{refusal.problem.title}: {refusal.problem.detail}"
        except _PASSING:
            self._workspace.trouble = SILENT
            field.tries += 1
            if field.tries <= len(PAUSES_S):
                return PAUSES_S[field.tries - 1]
            field.state, field.problem = "unanswered", SILENT
        except LeukolensError:
            # The error's own words name an address inside the service's network; they are for its log.
            field.state, field.problem = "unanswered", SILENT
        else:
            self._settle(field, data, prediction, service)
            field.asked = asking
        return 0.0

    def _settle(self, field: SmearField, data: bytes, prediction: Prediction, service: Service) -> None:
        known = prediction.prediction.verdict != "out_of_distribution"
        field.heat = None
        if prediction.explanation is not None and known:
            field.heat = pictures.heat_layer(prediction.explanation.heatmap_png)
        if field.preview is None:
            with contextlib.suppress(ImageError):  # the answer stands without a picture
                field.preview = pictures.preview(data)
        # The full-size map is many times the picture; the layer above is what is shown.
        field.prediction = prediction.model_copy(update={"explanation": None})
        field.problem = self._workspace.trouble = ""
        self._learn_card(prediction, service)
        field.state = "answered"

    def _learn_card(self, prediction: Prediction, service: Service) -> None:
        """Read the card of the model that answered, for the names of its classes."""
        if self._workspace.card_of(prediction) is None:
            # Without it, the answer stands, and the next one asks again.
            with contextlib.suppress(LeukolensError):
                self._workspace.learn_card(service.model(prediction.model.name or None))
