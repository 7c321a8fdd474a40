"""A Keras model as MLflow's folder of it."""

import platform
import shutil
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf


def save(network: keras.Model, folder: Path) -> None:
    """Write a model with its description; needs no server."""
    import mlflow.tensorflow
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    shutil.rmtree(folder, ignore_errors=True)
    # Without the list MLflow starts the model in another process to see what it imports, which takes 17 s.
    needed = [f"keras=={version('keras')}", f"tensorflow=={tf.__version__}"]
    environment = {
        "name": network.name,
        "channels": ["conda-forge"],
        "dependencies": [f"python={platform.python_version()}", "pip", {"pip": needed}],
    }
    given, answered = (
        Schema([TensorSpec(np.dtype(np.float32), (-1, *shape[1:]))])
        for shape in (network.input_shape, network.output_shape)
    )
    signature = ModelSignature(given, answered)
    mlflow.tensorflow.save_model(network, str(folder), conda_env=environment, signature=signature)
