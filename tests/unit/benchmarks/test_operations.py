from pathlib import Path

import pytest

from benchmarks.operations import count

SHIPPED = Path(__file__).parents[3] / "models" / "default" / "model.tflite"


def test_the_shipped_file_has_the_published_multiply_adds() -> None:
    found = count(SHIPPED)
    # EfficientNet-Lite0: 407 million with its 1,000-class head and what is counted beside layers with weights
    # (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite).
    assert found.multiply_adds == pytest.approx(407e6, rel=0.08)
    assert found.multiply_adds == sum(found.by_layer.values())
    assert found.precision == "float32"


def test_the_stem_is_counted_by_hand() -> None:
    stem = 112 * 112 * 32 * 3 * 3 * 3  # 3 x 3 kernels with stride 2 on 224 x 224 x 3, 32 channels out
    assert count(SHIPPED).by_layer["conv_2d"] > stem
    assert 0.05 < count(SHIPPED).by_layer["depthwise_conv_2d"] / count(SHIPPED).multiply_adds < 0.15
