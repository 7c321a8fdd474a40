import keras
import numpy as np
import pytest

from training.backbones.efficientnet_lite import build_lite0, load_imagenet


@pytest.fixture(scope="module")
def lite0():
    model = build_lite0()
    load_imagenet(model)
    return model


def test_size_is_the_published_network_without_its_classifier(lite0):
    assert lite0.output.shape == (None, 7, 7, 1280)
    assert lite0.count_params() == 4_694_024 - 1_281_000  # 1000-way classifier off


@pytest.mark.data
def test_features_are_those_of_the_reference_conversion(lite0, smears):
    reference = smears.parent.parent / "weights" / "efficientnet_lite0_imagenet_notop.keras"
    if not reference.exists():
        pytest.skip(f"no reference conversion at {reference}")
    image = np.random.default_rng(0).normal(size=(2, 224, 224, 3)).astype(np.float32)
    expected = keras.models.load_model(reference)(image, training=False)
    np.testing.assert_allclose(np.mean(lite0(image, training=False), (1, 2)), expected, atol=1e-5)
