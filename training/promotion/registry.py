"""What promotion needs of MLflow: a run's model folder, and the alias of the version that was promoted last."""

from pathlib import Path
from typing import Any

from inference import CARD_NAME
from training.promotion.command import PromotionError
from training.tracking.logged_model import MODEL

NAME = "leukolens"
ALIAS = "champion"
EVALUATED = "leukolens.evaluated"
"""Tag of a run whose model's card holds evidence."""
_GONE = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")


class Registry:
    """One MLflow server.

    Parameters
    ----------
    tracking_uri
        Of the server; what MLflow itself goes by (``MLFLOW_TRACKING_URI``), if left out.
    """

    def __init__(self, tracking_uri: str | None = None) -> None:
        # Three seconds to import, which a promotion of a local folder does not need.
        import mlflow

        self._uri = tracking_uri or mlflow.get_tracking_uri()
        self._client: Any = mlflow.MlflowClient(self._uri)

    def fetch(self, run_id: str, into: Path) -> Path:
        """Download the folder of a run's artifacts that holds the card.

        Raises
        ------
        PromotionError
            There is no such run, it has not finished, or it holds no model.
        """
        run = self._call(f"run {run_id}", self._client.get_run, run_id)
        if run.info.status != "FINISHED":
            raise PromotionError(f"run {run_id} is {run.info.status.lower()}: only a finished run can be promoted")
        card_path = self._call(f"run {run_id}", self._find_card, run_id)
        if card_path is None:
            raise PromotionError(f"run {run_id} has no artifact {CARD_NAME}: it exported no model")
        folder = card_path.rpartition("/")[0]
        fetched = self._call(f"run {run_id}", self._client.download_artifacts, run_id, folder, str(into))
        return Path(fetched)

    def attach(self, run_id: str, folder: Path) -> None:
        """Replace the card that the run logged by the measured one, with its evidence.

        Parameters
        ----------
        run_id
            Of the run that ``folder`` was fetched from.
        folder
            Its model folder, evaluated since.

        Raises
        ------
        PromotionError
            The run holds no model, or the server does not take the card.
        """
        card_path = self._call(f"run {run_id}", self._find_card, run_id)
        if card_path is None:
            raise PromotionError(f"run {run_id} has no artifact {CARD_NAME}: it exported no model")
        artifact_folder = card_path.rpartition("/")[0] or None
        self._call(f"run {run_id}", self._client.log_artifact, run_id, str(folder / CARD_NAME), artifact_folder)
        self._call(f"run {run_id}", self._client.set_tag, run_id, EVALUATED, "true")

    def register(self, run_id: str, sha256: str) -> str:
        """Give the version of a run's model, made if it is not there yet."""
        return str(self._call("the registry", self._register, run_id, sha256))

    def set_champion_alias(self, version: str | None) -> None:
        """Point the alias at a version, or at none."""
        if version is not None:
            self._call("the registry", self._client.set_registered_model_alias, NAME, ALIAS, version)
        elif self.champion() is not None:
            self._call("the registry", self._client.delete_registered_model_alias, NAME, ALIAS)

    def champion(self) -> str | None:
        """Give the version that the alias points at."""
        model = self._call("the registry", self._find, self._client.get_registered_model, NAME)
        return str(model.aliases[ALIAS]) if model is not None and ALIAS in model.aliases else None

    def _find_card(self, run_id: str, folder: str | None = None, depth: int = 3) -> str | None:
        for entry in self._client.list_artifacts(run_id, folder):
            if entry.is_dir and depth:
                if inner := self._find_card(run_id, entry.path, depth - 1):
                    return inner
            elif entry.path.rpartition("/")[2] == CARD_NAME:
                return str(entry.path)
        return None

    def _register(self, run_id: str, sha256: str) -> str:
        if self._find(self._client.get_registered_model, NAME) is None:
            self._client.create_registered_model(NAME, description="Models of Leukolens that were promoted.")
        versions = self._client.search_model_versions(f"name = '{NAME}' and run_id = '{run_id}'")
        for version in versions:
            if version.tags.get("sha256") == sha256:
                return str(version.version)
        folder = (self._find_card(run_id) or "").rpartition("/")[0]
        if folder == f"{MODEL}/artifacts/{MODEL}":  # as runs log it: the whole is what MLflow can load
            folder = MODEL
        source = f"{self._client.get_run(run_id).info.artifact_uri}/{folder}".rstrip("/")
        model_version = self._client.create_model_version(NAME, source, run_id, tags={"sha256": sha256})
        return str(model_version.version)

    def _find(self, request: Any, *arguments: str) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            return request(*arguments)
        except MlflowException as error:
            if error.error_code not in _GONE:
                raise
            return None

    def _call(self, subject: str, request: Any, *arguments: Any) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            return request(*arguments)
        except MlflowException as error:
            raise PromotionError(
                f"{subject}: MLflow at {self._uri} says: {error.message}. Check --tracking-uri (MLFLOW_TRACKING_URI)"
            ) from error
