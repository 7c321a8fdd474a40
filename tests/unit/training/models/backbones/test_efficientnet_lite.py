import keras
import numpy as np
import pytest

from training.models.backbones.efficientnet_lite import build_lite0, build_lite2, load_imagenet, packaged_checkpoint
from training.models.backbones.torch_checkpoint import read_state_dict


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


@pytest.fixture(scope="module")
def lite2():
    model = build_lite2()
    load_imagenet(model)
    return model


def test_lite2_is_the_checkpoint_without_its_classifier(lite2):
    tensors = read_state_dict(packaged_checkpoint("efficientnet-lite2"))
    numbers = sum(values.size for name, values in tensors.items() if "num_batches" not in name)
    assert lite2.output.shape == (None, 7, 7, 1280)
    assert lite2.count_params() == numbers - 1_281_000 == 4_869_168


def test_lite2_holds_its_own_weights(lite2):
    """Every tensor has found its place: the checkpoint's last block, and answers that are finite and not all alike."""
    tensors = read_state_dict(packaged_checkpoint("efficientnet-lite2"))
    (kernel,) = lite2.get_layer("blocks_20_project_conv").get_weights()
    np.testing.assert_array_equal(kernel, tensors["_blocks.20._project_conv.weight"].transpose(2, 3, 1, 0))
    image = np.random.default_rng(0).normal(size=(2, 224, 224, 3)).astype(np.float32)
    pooled = np.mean(lite2(image, training=False), (1, 2))
    assert np.isfinite(pooled).all()
    assert pooled.std() > 0.05
