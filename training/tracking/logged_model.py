"""Saves a model folder as an MLflow model that runs without this project."""

import platform
import shutil
import tempfile
import warnings
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from api.schemas import Prediction
from inference import CARD_NAME, folder_digest, read_card

SCRIPT = Path(__file__).with_name("served_smears.py")
CODE = ("inference", "intake", "api.schemas", "api.answers")
"""Modules and packages of lambda/ that the script runs, as they are imported; they know no HTTP and no AWS."""
NEEDED = (
    "ai-edge-litert",
    "backports-strenum",
    "imagecodecs",
    "mlflow",
    "numpy",
    "pi-heif",
    "pillow",
    "pydantic",
    "pydicom",
    "simplejpeg",
    "tifffile",
)
"""Packages that these import (pyproject.toml's group ``inference``), and MLflow."""
MODEL = "model"
"""Of the logged model, its folder among a run's artifacts, and within it that of the file and its card."""


def save(folder: Path, into: Path) -> dict[str, Any]:
    """Write a model folder as MLflow's pyfunc, code and requirements beside it; needs no server.

    Parameters
    ----------
    folder : Path
        Holds the file and its card.
    into : Path
        What is written; is replaced.

    Returns
    -------
    dict
        ``flavors``, ``model_uuid`` and ``utc_time_created``, by which a run's page knows the model.
    """
    import mlflow.pyfunc  # it takes seconds
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import AnyType

    inputs = Schema(
        [
            ColSpec(DataType.binary, "image", required=False),
            ColSpec(DataType.string, "path", required=False),
        ]
    )
    any_type = AnyType()  # type: ignore[no-untyped-call]
    outputs = Schema([ColSpec(any_type, name) for name in Prediction.model_fields])
    parameters = ParamSchema(
        [ParamSpec("explain", DataType.boolean, False), ParamSpec("microns_per_pixel", DataType.double, 0.0)]
    )
    card = read_card(folder)
    shutil.rmtree(into, ignore_errors=True)
    with tempfile.TemporaryDirectory() as staging:
        model_copy = Path(staging, MODEL)
        model_copy.mkdir()
        # What the model lends to whoever builds on it.
        statistics_file = card.training.get("statistics", {}).get("file")
        for name in filter(None, (card.file, CARD_NAME, statistics_file)):
            shutil.copy2(folder / name, model_copy)
        with warnings.catch_warnings(action="ignore", category=UserWarning):  # of an example, which would be a smear
            mlflow.pyfunc.save_model(
                str(into),
                python_model=str(SCRIPT),
                artifacts={MODEL: str(model_copy)},
                code_paths=_code(Path(staging, "code")),
                signature=ModelSignature(inputs, outputs, parameters),
                # Without the list MLflow starts the model in another process to see what it imports, which takes 17 s.
                conda_env=environment(),
                metadata={"version": card.version, "sha256": folder_digest(folder)},
            )
    mlflow_model = Model.load(str(into))
    return {
        "flavors": {name: {} for name in mlflow_model.flavors},
        "model_uuid": mlflow_model.model_uuid,
        "utc_time_created": str(mlflow_model.utc_time_created),
    }


def environment() -> dict[str, object]:
    """Give the Python and the packages, at the versions here, that run the model anywhere."""
    pins = [f"{name}=={version(name)}" for name in NEEDED]
    return {
        "name": "leukolens",
        "channels": ["conda-forge"],
        "dependencies": [f"python={platform.python_version()}", "pip", {"pip": pins}],
    }


def _code(into: Path) -> list[str]:
    """Copy the modules that the script runs; gives the top-level copies."""
    for name in CODE:
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise ModuleNotFoundError(f"{name}: the logged model needs it; install the project whole")
        source, target = Path(spec.origin), into.joinpath(*name.split("."))
        if source.name == "__init__.py":
            shutil.copytree(source.parent, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target.with_suffix(".py"))
    (into / "api" / "__init__.py").touch()
    return sorted(str(path) for path in into.iterdir())
