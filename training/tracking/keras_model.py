"""A Keras model as MLflow's folder of it."""

import shutil
from importlib.metadata import version
from pathlib import Path

import keras
import tensorflow as tf


def save(network: keras.Model, folder: Path) -> None:
    """Write a model with its description; needs no server."""
    import mlflow.tensorflow

    shutil.rmtree(folder, ignore_errors=True)
    # Without the list MLflow starts the model in another process to see what it imports, which takes 17 s.
    needed = [f"keras=={version('keras')}", f"tensorflow=={tf.__version__}"]
    mlflow.tensorflow.save_model(network, str(folder), pip_requirements=needed)
