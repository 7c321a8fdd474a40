"""AWS's image gets the code that is here, at the versions of the lock."""

import io
import tarfile

from training.sagemaker_jobs.image import code_bundle, pins


def test_the_bundle_holds_what_a_job_imports():
    with tarfile.open(fileobj=io.BytesIO(code_bundle())) as archive:
        names = archive.getnames()
        entry = archive.extractfile("run_job.py").read().decode()
    assert {
        "training/train.py",
        "inference/classifier.py",
        "intake/picture.py",
        "requirements.txt",
        "training/sagemaker_jobs/prices.toml",
    } <= set(names)
    assert not any(name.endswith((".pyc", ".tflite", ".jpg")) for name in names)
    assert 'run_module("training.sagemaker_jobs.entry_point"' in entry


def test_packages_are_pinned_and_tensorflow_is_left_to_the_image():
    names = {pin.partition("==")[0] for pin in pins()}
    assert {"ai-edge-litert", "mlflow", "sagemaker-mlflow", "scipy"} <= names
    assert not any(name.startswith("tensorflow") for name in names)
    assert not any("\\" in pin or "--hash" in pin for pin in pins())
