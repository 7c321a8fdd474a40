"""``GET /v1/health``."""

import time

import numpy as np

from . import schemas
from .http import Incoming
from .models import identity
from .service import Service


def health(service: Service, request: Incoming) -> schemas.Health:
    """Tell that the process lives and holds its model; with ``deep=true``, that the model runs.

    Raises
    ------
    inference.ModelError
        Where the model could not be loaded.
    """
    classifier = service.classifier()
    card = classifier.card
    deep = None
    if request.flag("deep"):
        start = time.perf_counter()
        grey = np.full((card.input.height, card.input.width, card.input.channels), 128, np.uint8)
        best = int(classifier.run(grey).probabilities.argmax())
        deep = schemas.DeepCheck(label=card.labels[best], duration_ms=(time.perf_counter() - start) * 1e3)
    return schemas.Health(status="ok", model=identity(classifier), deep=deep)
