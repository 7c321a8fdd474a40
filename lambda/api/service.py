"""What every route may use: settings, the loaded model, the stores. Made once a process."""

from settings import Settings

import inference

from .errors import NotOffered
from .observe import ColdStart, logger
from .storage import Objects, open_objects


class Service:
    """Holds what lives longer than a request.

    Parameters
    ----------
    settings
        Of this deployment.

    Notes
    -----
    A model that cannot be loaded does not stop the process: routes that need it answer 503 and name the file, so that
    whoever operates it reads the cause where they look first.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.cold_start = ColdStart()
        self._stores: dict[str, Objects] = {}
        self._model: inference.Classifier | inference.ModelError
        try:
            self._model = inference.load(settings.model_dir, threads=settings.threads)
        except inference.ModelError as error:
            logger.error("model", extra={"problem": str(error)})
            self._model = error

    def classifier(self) -> inference.Classifier:
        """Give the loaded model.

        Raises
        ------
        inference.ModelError
            Where it could not be loaded.
        """
        if isinstance(self._model, inference.ModelError):
            raise self._model
        return self._model

    def uploads(self) -> Objects:
        """Give the store of uploaded images.

        Raises
        ------
        NotOffered
            Where the deployment has none.
        """
        if not self.settings.uploads_bucket:
            raise NotOffered("This deployment takes no uploads: send the image as the body of the request.")
        return self._store(self.settings.uploads_bucket)

    def feedback(self) -> Objects:
        """Give the store of reviewers' labels.

        Raises
        ------
        NotOffered
            Where the deployment has none.
        """
        if not self.settings.feedback_bucket:
            raise NotOffered("This deployment keeps no feedback: LEUKOLENS_FEEDBACK_BUCKET is not set.")
        return self._store(self.settings.feedback_bucket)

    def _store(self, address: str) -> Objects:
        if address not in self._stores:
            self._stores[address] = open_objects(address)
        return self._stores[address]
