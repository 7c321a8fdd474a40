"""What a model lends to others: the same numbers back, a few of each class, and never another model's."""

from pathlib import Path

import numpy as np
import pytest

from training.models import base_statistics
from training.models.base_statistics import StatisticsError, read_statistics, statistics_of, told
from training.models.features import Features
from training.models.linear_probe import LinearHead

WIDTH = 12


def features(fields: int) -> Features:
    rng = np.random.default_rng(3)
    return Features(
        rng.normal(4.0, 2.0, (4, fields, WIDTH)).astype(np.float32),
        rng.normal(4.0, 2.0, (1, fields, WIDTH)).astype(np.float32),
        np.full(fields, 0.1, np.float32),
        rng.normal(0, 1, (6, WIDTH)).astype(np.float32),
        np.linspace(-1, 1, 6, dtype=np.float32),
        np.zeros((6, 1), np.int64),
        {"noise": rng.normal(9.0, 1.0, (300, WIDTH)).astype(np.float32)},
    )


@pytest.fixture
def kept() -> base_statistics.BaseStatistics:
    labels = np.repeat([0, 1], [200, 40])
    found = features(240)
    head = LinearHead(
        np.zeros((WIDTH, 2), np.float32),
        np.zeros(2, np.float32),
        found.embeddings.mean(0),
        found.embeddings.std(0),
    )
    return statistics_of(found, labels, [f"s{k % 5}" for k in range(240)], head, ("a", "b"))


def test_what_is_written_is_read_back(kept: base_statistics.BaseStatistics, tmp_path: Path) -> None:
    (tmp_path / base_statistics.FILE_NAME).write_bytes(kept.content)
    read = read_statistics(tmp_path, told({base_statistics.FILE_NAME: kept.content}))
    assert (read.labels, read.slides) == (kept.labels, kept.slides)
    np.testing.assert_allclose(read.embeddings, kept.embeddings, atol=0.02)
    np.testing.assert_allclose(read.strangers["noise"], kept.strangers["noise"], atol=0.02)
    np.testing.assert_array_equal(read.classes, kept.classes)


def test_a_few_fields_of_each_class_and_slide_are_kept(kept: base_statistics.BaseStatistics) -> None:
    assert np.bincount(kept.classes).tolist() == [base_statistics.FIELDS_OF_A_CLASS, 40]
    assert set(kept.slides) == {f"s{k}" for k in range(5)}
    assert len(kept.strangers["noise"]) == base_statistics.FIELDS_OF_STRANGERS


def test_another_models_file_is_refused(kept: base_statistics.BaseStatistics, tmp_path: Path) -> None:
    card = told({base_statistics.FILE_NAME: kept.content})
    with pytest.raises(StatisticsError, match=r"has no statistics\.npz"):
        read_statistics(tmp_path, card)
    (tmp_path / base_statistics.FILE_NAME).write_bytes(kept.content + b"x")
    with pytest.raises(StatisticsError, match="is not the file that the model's card names"):
        read_statistics(tmp_path, card)
