"""The model as MLflow runs it, in a process of its own: this file is logged, and imports what is logged beside it.

::

    model = mlflow.pyfunc.load_model("models:/leukolens@candidate")
    model.predict(pandas.DataFrame({"path": ["field.png"]}))

The answer is the API's, a dictionary a field (docs/api.md). It runs without TensorFlow.
"""

import uuid
from pathlib import Path
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from api.answers import as_prediction
from inference import ImageError, load

IMAGE, PATH = "image", "path"


class ServedSmears(PythonModel):
    """Bytes of an image, or the path of one, to the API's answer."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the model folder that was logged, verified against its card."""
        self._classifier = load(Path(context.artifacts["model"]))

    # No types here: MLflow reads them, and warns of each that it does not know, wherever the model is loaded.
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Answer each row.

        Parameters
        ----------
        context : PythonModelContext
            MLflow's.
        model_input : pandas.DataFrame
            Column ``image``: bytes of a file; or column ``path``: where one lies.
        params : dict, optional
            ``explain``: whether to draw heat maps. ``microns_per_pixel``: of the images; 0 where it is not known.

        Returns
        -------
        list of dict
            The API's answer to each.

        Raises
        ------
        MlflowException
            A row holds no image that can be read; says which, and why.
        """
        return self._answers(model_input.to_dict("records"), params or {})

    def _answers(self, rows: list[dict[str, Any]], params: dict[str, Any]) -> list[dict[str, Any]]:
        explain, microns = bool(params.get("explain")), float(params.get("microns_per_pixel") or 0.0)
        return [self._answer(number, row, explain, microns or None) for number, row in enumerate(rows)]

    def _answer(self, number: int, row: dict[str, Any], explain: bool, microns: float | None) -> dict[str, Any]:
        try:
            answer = self._classifier.predict(_bytes_of(row), explain=explain, microns_per_pixel=microns)
        except (ImageError, OSError, ValueError) as error:
            raise MlflowException.invalid_parameter_value(f"row {number}: {error}") from error
        return as_prediction(answer, self._classifier, uuid.uuid4().hex).model_dump(mode="json")


def _bytes_of(row: dict[str, Any]) -> bytes:
    image, path = row.get(IMAGE), row.get(PATH)
    if isinstance(image, bytes):
        return image
    if isinstance(path, str):
        return Path(path).read_bytes()
    raise ValueError(f"give the bytes of an image in the column {IMAGE!r}, or where it lies in the column {PATH!r}")


mlflow.models.set_model(ServedSmears())
