"""A head in closed form, and what is chosen for it on groups left out."""

import numpy as np
import pytest

from inference import ClassSpec
from training.models import discriminant
from training.models.adapted_head import SHRINKAGES, adapt_head, choose
from training.models.base_embedding import features_from
from training.models.discriminant import fit_discriminants

IMAGES, FIRST, WHOLE = 120, 12, 24


def drawn(signal: slice, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Draw statistics of three classes that differ in some columns alone, twelve patients."""
    rng = np.random.default_rng(seed)
    labels = np.arange(IMAGES) % 3
    statistics = rng.normal(0, 1, (IMAGES, WHOLE)).astype(np.float32)
    statistics[:, signal] += 2 * np.eye(3, dtype=np.float32)[labels][:, np.arange(signal.stop - signal.start) % 3]
    return statistics, labels, [f"p{(k // 3) % 12}" for k in range(IMAGES)]


def test_few_rows_give_the_same_head_as_many_statistics(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    labels = np.arange(20) % 2
    wide = rng.normal(0, 1, (1, 20, 60)).astype(np.float32) + labels[None, :, None]
    given = (wide, wide * 0.9, labels, (0.1, 0.8), 0.3)
    by_rows = fit_discriminants(*given)
    monkeypatch.setattr(discriminant, "_by_rows", discriminant._by_statistics)
    for one, other in zip(by_rows, fit_discriminants(*given), strict=True):
        np.testing.assert_allclose(one.kernel, other.kernel, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(one.bias, other.bias, rtol=1e-3)


def test_the_ways_of_pooling_that_tell_classes_are_chosen() -> None:
    in_the_rest = choose(*drawn(slice(FIRST, WHOLE)), (FIRST, WHOLE))
    assert in_the_rest.width == WHOLE
    in_the_first = choose(*drawn(slice(0, FIRST)), (FIRST, WHOLE))
    assert in_the_first.width == FIRST
    assert {in_the_first.shrinkage, in_the_rest.shrinkage} <= set(SHRINKAGES)


def test_strangers_of_whom_less_is_known_still_make_a_gate() -> None:
    statistics, labels, groups = drawn(slice(FIRST, WHOLE))
    strangers = np.random.default_rng(2).normal(6, 1, (30, FIRST)).astype(np.float32)
    features = features_from(np.stack([statistics] * 3), {"others": strangers})
    classes = [ClassSpec(id=name, name=name) for name in ("a", "b", "c")]
    adapted = adapt_head(features, labels, groups, FIRST // 2, classes, (FIRST, WHOLE))
    assert adapted.setting.width == adapted.head.kernel.shape[0] == adapted.readings.ood.kernel.shape[0] == WHOLE
    assert not adapted.readings.ood.kernel[FIRST:].any()
    assert (adapted.answers.probabilities.argmax(1) == labels).mean() > 0.9
    away = np.concatenate([strangers, np.zeros((30, WHOLE - FIRST), np.float32)], 1)
    standard = adapted.head.standardise(away)
    score = adapted.readings.distance_share * adapted.distance.score(standard) + adapted.readings.ood.of(standard)
    assert (score > adapted.numbers.threshold).mean() > 0.9
