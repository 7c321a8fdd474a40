from pathlib import Path

import numpy as np
import pytest

from training.models.backbones import vgg16


def test_preprocessing_is_that_of_the_weights() -> None:
    """Channel order and mean are inside the network: RGB goes in as it is."""
    import keras

    network = vgg16.build(32, 32)
    image = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3)).astype(np.float32)
    prepared = keras.applications.vgg16.preprocess_input(image.copy())
    expected = network.get_layer("vgg16")(prepared)
    np.testing.assert_allclose(network(image), expected, rtol=1e-5, atol=1e-5)


def test_a_folder_without_the_weights_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(vgg16.WEIGHTS_VARIABLE, str(tmp_path))
    with pytest.raises(vgg16.WeightsError, match=r"LEUKOLENS_WEIGHTS is .* holds no vgg16_notop"):
        vgg16.find_weights()


def test_a_file_that_is_no_weights_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.weights.h5"
    broken.write_bytes(b"not HDF5")
    with pytest.raises(vgg16.WeightsError, match=r"broken\.weights\.h5.*LEUKOLENS_WEIGHTS"):
        vgg16.load_imagenet(vgg16.build(32, 32), broken)


def test_the_named_folder_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / vgg16.WEIGHTS_NAME).touch()
    monkeypatch.setenv(vgg16.WEIGHTS_VARIABLE, str(tmp_path))
    assert vgg16.find_weights() == tmp_path / vgg16.WEIGHTS_NAME


@pytest.mark.data
def test_the_first_filters_are_the_published_ones(smears: Path) -> None:
    weights = smears.parent.parent / "weights" / vgg16.WEIGHTS_NAME
    if not weights.exists():
        pytest.skip(f"no ImageNet weights at {weights}")
    network = vgg16.build(32, 32)
    vgg16.load_imagenet(network, weights)
    kernel, _ = network.get_layer("vgg16").get_layer("block1_conv1").get_weights()
    # The first numbers of the file that keras.applications downloads.
    np.testing.assert_allclose(kernel[0, 0, :, 0], [0.42947057, 0.55037946, 0.4800154], rtol=1e-6)
