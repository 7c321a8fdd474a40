"""What every route may use: settings, the models, the stores. Made once a process."""

from threading import Lock

from settings import Settings

import inference

from . import schemas
from .answered import AnsweredRequests
from .errors import NotOffered
from .models import Models
from .observe import ColdStart
from .storage import Objects, open_objects


class Service:
    """Holds what lives longer than a request.

    Parameters
    ----------
    settings
        Of this deployment.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.cold_start = ColdStart()
        self._stores: dict[str, Objects] = {}
        self.answered = AnsweredRequests(settings.answered_file)
        self.models = Models(settings)
        self.deep_lock = Lock()
        self.deep: schemas.DeepCheck | None = None
        self.deep_s = 0.0

    def classifier(self, name: str | None = None) -> inference.Classifier:
        """Give a loaded model; the default without a name.

        Raises
        ------
        ModelNotFound, inference.ModelError
            Where there is none of that name, or it could not be loaded.
        """
        return self.models.get(name)

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
