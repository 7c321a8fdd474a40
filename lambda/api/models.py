"""The models of one deployment: which there are, and the few that are in memory. ``GET /v1/models``, ``/v1/model``."""

from collections import OrderedDict
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from settings import Settings

import inference
from inference.card import card_bytes, parse_card

from . import schemas
from .errors import ModelNotFound
from .observe import logger

if TYPE_CHECKING:
    from .http import Incoming
    from .service import Service

MOST_IN_MEMORY: Final = 2
"""A model takes some 60 MB with its interpreter; the longest unused one makes room."""


class Models:
    """Finds models by name, and loads one when it is first asked for.

    Parameters
    ----------
    settings
        Of this deployment. The default model is loaded at once.

    Notes
    -----
    A model that cannot be loaded does not stop the process: routes that need it answer 503 and name the file, so that
    whoever operates it reads the cause where they look first. It is tried again only by another process.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folders = _folders(settings)
        self.default = settings.default_model or settings.model_dir.resolve().name
        self._lock = Lock()
        self._loaded: OrderedDict[str, inference.Classifier | inference.ModelError] = OrderedDict()
        self._load(self.default)

    @property
    def names(self) -> tuple[str, ...]:
        """Every model's name, the default first."""
        return (self.default, *(name for name in self._folders if name != self.default))

    def get(self, name: str | None = None) -> inference.Classifier:
        """Give a loaded model: the one of that name, else the default.

        Raises
        ------
        ModelNotFound
            Where there is none of that name.
        inference.ModelError
            Where it cannot be loaded.
        """
        wanted = name or self.default
        if wanted != self.default and wanted not in self._folders:
            raise ModelNotFound(f"There is no model of that name: this service has {', '.join(self.names)}.")
        classifier = self._load(wanted)
        if isinstance(classifier, inference.ModelError):
            raise classifier
        return classifier

    def of_digest(self, digest: str) -> inference.Classifier | None:
        """Give the loaded model of a digest, or None where this service has none.

        Raises
        ------
        inference.ModelError
            Where it is there and cannot be loaded; the default's own where that is broken.
        """
        default = self.get()
        if default.digest == digest:
            return default
        listed = (self.list_one(name) for name in self.names)
        return next((self.get(model.name) for model in listed if model.sha256 == digest), None)

    def list_one(self, name: str) -> schemas.ListedModel:
        """List one model by its card, without loading it."""
        default = name == self.default
        try:
            folder = self._folder(name)
            content = card_bytes(folder)
            card = parse_card(content, folder / inference.CARD_NAME)
        except inference.ModelError as error:
            return schemas.ListedModel(name=name, default=default, problem=str(error))
        return schemas.ListedModel(
            name=name,
            default=default,
            version=card.version,
            sha256=inference.model_digest(card.sha256, content),
            classes=_classes(card),
            triage=card.has_triage,
            intended_use=card.intended_use,
        )

    def _folder(self, name: str) -> Path:
        if name not in self._folders:
            raise inference.ModelError(
                f"There is no model {name!r} in {self._settings.models_dir}: correct LEUKOLENS_DEFAULT_MODEL."
            )
        return self._folders[name]

    def _load(self, name: str) -> inference.Classifier | inference.ModelError:
        with self._lock:
            if name in self._loaded:
                self._loaded.move_to_end(name)
                return self._loaded[name]
            while len(self._loaded) >= MOST_IN_MEMORY:
                self._loaded.popitem(last=False)  # before the next is read, so that three are never held
            loaded: inference.Classifier | inference.ModelError
            try:
                loaded = inference.load(
                    self._folder(name), threads=self._settings.threads, digest=self._settings.digest_of(name)
                )
            except inference.ModelError as error:
                logger.error("model", extra={"problem": str(error)})
                loaded = error
            self._loaded[name] = loaded
            return loaded


def list_all(service: "Service", request: "Incoming") -> schemas.ModelList:
    """Answer ``GET /v1/models``."""
    return schemas.ModelList(models=[service.models.list_one(name) for name in service.models.names])


def describe(service: "Service", request: "Incoming") -> dict[str, Any]:
    """Answer ``GET /v1/model``: the whole card of the default model, or of ``?model=``.

    Raises
    ------
    ModelNotFound, inference.ModelError
        Where there is no such model, or it cannot be loaded.
    """
    classifier = service.models.get(request.query.get("model"))
    card = classifier.card
    description: dict[str, Any] = card.model_dump(mode="json")
    # Keys of version 1 of the API: one minimum for all labels, and the malignant labels beside all labels.
    minimums = dict(zip(card.labels, map(float, card.minimum_probabilities), strict=True))
    description["prediction_set"] |= {"minimum_probability": min(minimums.values()), "minimum_probabilities": minimums}
    rule = card.triage_rule
    description |= {
        "labels": list(card.labels),
        "malignant_labels": list(card.malignant_labels),
        "digest": classifier.digest,
        "model_name": classifier.name,
        "triage": None if rule is None else rule.model_dump(mode="json"),
    }
    return description


def _classes(card: inference.ModelCard) -> list[schemas.ModelClass]:
    return [schemas.ModelClass.model_validate(spec.model_dump()) for spec in card.classes]


def _folders(settings: Settings) -> dict[str, Path]:
    """Find the models: each sub-folder of ``models_dir`` with a card, and ``model_dir``, by their folders' names."""
    further = settings.models_dir
    folders = {} if further is None else {path.parent.name: path.parent for path in further.glob("*/model.json")}
    return dict(sorted((folders | {settings.model_dir.resolve().name: settings.model_dir}).items()))
