"""VGG16, the network that this project grew from.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015.
Its ImageNet weights come from keras.applications. On a machine without the internet, give the folder that holds
``vgg16_notop.weights.h5`` by ``LEUKOLENS_WEIGHTS``; ``../shared/weights`` is looked at unasked.
"""

import os
from pathlib import Path

import keras
from keras import layers

from training.models.learnt import WeightsError

WEIGHTS_VARIABLE = "LEUKOLENS_WEIGHTS"
WEIGHTS_NAME = "vgg16_notop.weights.h5"
NEIGHBOUR = Path(__file__).resolve().parents[4] / "shared" / "weights"
MEAN_BGR = (103.939, 116.779, 123.68)
"""Of ImageNet: the weights are Caffe's, which took BGR less the mean, unscaled (keras.applications, mode "caffe")."""


def build(height: int = 224, width: int = 224) -> keras.Model:
    """Build VGG16 without its classifier, untrained.

    Parameters
    ----------
    height, width : int
        Input size in pixels.

    Returns
    -------
    keras.Model
        float32[batch, height, width, 3], RGB in 0 to 255, to float32[batch, height / 32, width / 32, 512].
    """
    image = keras.Input((height, width, 3), name="scaled_image")
    blue_first = keras.ops.flip(image, -1)
    centred = layers.Rescaling(1.0, [-mean for mean in MEAN_BGR], name="imagenet_mean")(blue_first)
    base = keras.applications.VGG16(include_top=False, weights=None, input_shape=(height, width, 3), name="vgg16")
    return keras.Model(image, base(centred), name="vgg16")


def load_imagenet(model: keras.Model, weights: Path | None = None) -> None:
    """Put ImageNet weights into the network.

    Parameters
    ----------
    model : keras.Model
        What ``build`` made.
    weights : Path, optional
        Keras weights of VGG16 without its top; where ``find_weights`` finds them, or else downloaded, unless given.

    Raises
    ------
    WeightsError
        There is no file and no way to download one.
    """
    source = weights or find_weights() or "imagenet"
    try:
        loaded = keras.applications.VGG16(include_top=False, weights=str(source))
    except Exception as error:  # Keras raises bare Exception for a failed download, and h5py's own for a bad file
        raise WeightsError(
            f"VGG16's ImageNet weights cannot be read from {source} ({error}): go online once, or set "
            f"{WEIGHTS_VARIABLE} to a folder that holds {WEIGHTS_NAME}"
        ) from error
    model.get_layer("vgg16").set_weights(loaded.get_weights())


def find_weights() -> Path | None:
    """Find the weights on this machine, or give None.

    Raises
    ------
    WeightsError
        ``LEUKOLENS_WEIGHTS`` names a folder without them.
    """
    named = os.environ.get(WEIGHTS_VARIABLE)
    if named:
        path = Path(named) / WEIGHTS_NAME
        if not path.is_file():
            raise WeightsError(f"{WEIGHTS_VARIABLE} is {named}, which holds no {WEIGHTS_NAME}: name its folder")
        return path
    path = NEIGHBOUR / WEIGHTS_NAME
    return path if path.is_file() else None
