"""What every route may use: settings, the loaded model, the stores. Made once a process."""

from settings import Settings

import inference

from .observe import ColdStart, logger


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
        self._model: inference.Classifier | inference.ModelError
        try:
            self._model = inference.load(settings.model_dir)
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
