"""``GET /v1/health``."""

import time

import numpy as np

from . import schemas
from .answers import identity
from .http import Incoming
from .service import Service

DEEP_CHECK_S = 10.0
"""A monitor asks once a minute or less often."""


def health(service: Service, request: Incoming) -> schemas.Health:
    """Tell that the process lives and holds its model; with ``deep=true``, that the model runs.

    Raises
    ------
    inference.ModelError
        Where the model could not be loaded.
    """
    classifier = service.classifier()
    deep = None
    if request.flag("deep"):
        deep = _deep_check(service)
    return schemas.Health(status="ok", model=identity(classifier), deep=deep)


def _deep_check(service: Service) -> schemas.DeepCheck:
    """Run the model once; within ``DEEP_CHECK_S``, give the last result again, since anybody may ask."""
    with service.deep_lock:
        if service.deep is not None and time.monotonic() - service.deep_s < DEEP_CHECK_S:
            return service.deep
        classifier = service.classifier()
        card = classifier.card
        start = time.perf_counter()
        grey = np.full((card.input.height, card.input.width, card.input.channels), 128, np.uint8)
        best = int(classifier.run(grey).probabilities.argmax())
        duration_ms = (time.perf_counter() - start) * 1e3
        service.deep = schemas.DeepCheck(label=card.labels[best], duration_ms=duration_ms)
        service.deep_s = time.monotonic()
        return service.deep
