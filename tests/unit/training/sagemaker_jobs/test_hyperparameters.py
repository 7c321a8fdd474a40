"""What a job can be given, and how the launcher writes it."""

import pytest

from training.models.recipes import HIDDEN_LAYERS
from training.models.space import SpaceError, span_of, value_of


def test_backbones_are_those_of_training():
    from training.models import backbones  # TensorFlow, for ten seconds

    assert set(HIDDEN_LAYERS) == set(backbones.BACKBONES)


def test_values_are_written_one_way():
    assert value_of("learning-rate", "0.0007") == value_of("learning-rate", "7e-4") == "0.0007"
    assert value_of("batch-size", "016") == "16"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("batch-size", "0", "1 to 1024"),
        ("learning-rate", "fast", "above 0"),
        ("epochs", "2.5", "1 to 1000"),
    ],
)
def test_a_wrong_value_names_the_option_and_what_is_allowed(name, text, told):
    with pytest.raises(SpaceError, match=f"--{name} {text}: not allowed; allowed: .*{told}"):
        value_of(name, text)


def test_ranges():
    assert not span_of("learning-rate", "1e-5:1e-2").whole
    assert span_of("batch-size", "8:64").high == 64
    with pytest.raises(SpaceError, match="--optimizer adam:sgd: it has no range"):
        span_of("optimizer", "adam:sgd")
    with pytest.raises(SpaceError, match="the lower end first"):
        span_of("learning-rate", "1e-2:1e-5")
