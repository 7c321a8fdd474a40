from pathlib import Path

import pytest

from benchmarks.operations import count

SHIPPED = Path(__file__).parents[3] / "models" / "default" / "model.tflite"


PASSES = 8  # training.stain.VIEWS
BLOCKS = 215e6
"""Multiply-adds of EfficientNet-Lite0's stem and first ten blocks, as TensorFlow's converter estimates a pass."""


def test_the_shipped_file_is_counted_as_the_converter_estimates_it() -> None:
    found = count(SHIPPED)
    assert found.multiply_adds == pytest.approx(PASSES * BLOCKS, rel=0.05)
    assert found.multiply_adds == sum(found.by_layer.values())
    assert found.precision == "float32"


def test_the_stem_is_counted_by_hand() -> None:
    stem = 112 * 112 * 32 * 3 * 3 * 3  # 3 x 3 kernels with stride 2 on 224 x 224 x 3, 32 channels out
    assert count(SHIPPED).by_layer["conv_2d"] > PASSES * stem
    assert 0.05 < count(SHIPPED).by_layer["depthwise_conv_2d"] / count(SHIPPED).multiply_adds < 0.15
