import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from training.data.synthetic import write_dataset


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Begin every test's drawing at one place: weights that nobody seeds, what augmentation draws."""
    if "keras" in sys.modules:  # importing it takes seconds, and most tests here need none
        sys.modules["keras"].utils.set_random_seed(7)


@pytest.fixture(scope="module", autouse=True)
def _memory_given_back() -> Iterator[None]:
    """Let go of a file's networks once its tests are over: TensorFlow and the C library keep gigabytes otherwise."""
    yield
    if "keras" in sys.modules:
        sys.modules["keras"].utils.clear_session(free_memory=True)
        with contextlib.suppress(OSError, AttributeError):  # elsewhere than on glibc there is no such call
            ctypes.CDLL("libc.so.6").malloc_trim(0)


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in an empty folder, from where runs go to whatever server the test names, which is asked once."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(("MLFLOW_", "DAGSHUB_", "LEUKOLENS_")) and name != "LEUKOLENS_REQUIRE_ALL":
            monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Serve S3 over HTTP in this process."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket_uri(s3_endpoint: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> str:
    """Give a prefix of its own in a bucket that the environment's boto3 reaches."""
    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket="smears")
    return f"s3://smears/{request.node.name.replace('[', '-').replace(']', '')}"


@pytest.fixture(scope="session")
def drawn_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Draw 24 small fields, one folder a label; read only."""
    folder = tmp_path_factory.mktemp("drawn")
    write_dataset(folder, per_class=6, seed=11, size=96, fields_per_slide=3)
    return folder


@pytest.fixture(scope="module")
def few_ood_pictures() -> Iterator[None]:
    """Let the OOD gate learn from, and be examined with, a few pictures of each kind: they are most of a small run."""
    from training.data import ood_sets

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ood_sets, "PHOTOGRAPHS", ood_sets.PHOTOGRAPHS[:1])
        patched.setattr(ood_sets, "TAUGHT_PHOTOGRAPHS", ood_sets.TAUGHT_PHOTOGRAPHS[:2])
        patched.setattr(ood_sets, "MEDICAL", ood_sets.MEDICAL[:1])
        patched.setattr(ood_sets, "CROPS", ((448, 1),))
        patched.setattr(ood_sets, "OF_EACH_KIND", 2)
        patched.setattr(ood_sets, "DRAWN_PER_LABEL", 1)
        yield


@pytest.fixture(scope="module")
def small_lite0(few_ood_pictures: None) -> Iterator[str]:
    """Put a network of a few narrow layers in the place of EfficientNet-Lite0; gives its name.

    It has the same views, and as many depths that are pooled by stain. What is tested with it is the way from fields to
    a file, which is the same for any layers; the real network costs thirty times the work, and gigabytes.
    """
    from dataclasses import replace

    import keras
    import numpy as np

    from training.models.backbones import BACKBONES
    from training.models.backbones.efficientnet_lite import FusedBatchNormalization

    name = "efficientnet-lite0"
    depths = tuple(f"depth_{number}" for number in range(len(BACKBONES[name].depths)))

    def build(height: int, width: int) -> keras.Model:
        image = keras.Input((height, width, 3), name="scaled_image")
        maps = keras.layers.Conv2D(8, 8, strides=8, padding="same", activation="relu", name="stem")(image)
        for number, depth in enumerate(depths):
            seeded = keras.initializers.GlorotUniform(seed=number)  # so that features are found where they are kept
            apart = keras.layers.DepthwiseConv2D(
                3, strides=1 + number % 2, padding="same", depthwise_initializer=seeded, name=f"apart_{number}"
            )
            maps = apart(maps)
            maps = keras.layers.Conv2D(8 + 4 * number, 1, use_bias=False, name=f"across_{number}")(maps)
            maps = keras.layers.ReLU(6.0, name=depth)(FusedBatchNormalization(name=f"norm_{number}")(maps))
        return keras.Model(image, maps, name=name)

    def load(model: keras.Model) -> None:
        rng = np.random.default_rng(1)
        for layer in model.layers:
            if isinstance(layer, keras.layers.Conv2D):
                kernel, *bias = layer.get_weights()
                layer.set_weights([rng.normal(0, np.sqrt(2 / kernel[..., 0].size), kernel.shape), *bias])

    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(BACKBONES, name, replace(BACKBONES[name], build=build, load_imagenet=load, depths=depths))
        yield name


@pytest.fixture(scope="module")
def small_base(small_lite0: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a model folder that ``adapt`` takes for a base, of the small network."""
    from tests.unit.training.small_base import CLASSES, write_base
    from training.models import classifier

    folder = tmp_path_factory.mktemp("small") / "base"
    write_base(folder, classifier.build(small_lite0, len(CLASSES)))
    return folder


@pytest.fixture
def tiny_backbone(monkeypatch: pytest.MonkeyPatch) -> str:
    """Put a backbone of a few weights, with maxima and hidden layers as VGG16 has, beside the real ones; its name."""
    import keras

    from training.models.backbones import BACKBONES, Backbone
    from training.models.recipes import HIDDEN_LAYERS

    def build(height: int, width: int) -> keras.Model:
        image = keras.Input((height, width, 3), name="scaled_image")
        seeded = keras.initializers.GlorotUniform(seed=1)
        maps = keras.layers.Conv2D(12, 8, strides=16, activation="relu", kernel_initializer=seeded)(image)
        return keras.Model(image, keras.layers.MaxPooling2D(2)(maps), name="tiny")

    spec = Backbone(build, lambda model: None, 0.0, 255.0, pooling="max", hidden=(16, 8))
    monkeypatch.setitem(BACKBONES, "tiny", spec)
    monkeypatch.setitem(HIDDEN_LAYERS, "tiny", spec.hidden)
    return "tiny"
