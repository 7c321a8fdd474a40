import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis

from training.models import out_of_distribution


@pytest.fixture(scope="module")
def embeddings():
    rng = np.random.default_rng(3)
    spread = np.r_[3.0, 2.0, 1.5, np.full(21, 0.3)]
    labels = np.arange(900) % 3
    centres = rng.normal(0, 5, (3, 24))
    return (centres[labels] + rng.normal(size=(900, 24)) * spread).astype(np.float32), labels


def test_full_rank_is_the_exact_mahalanobis_distance_to_the_nearest_class(embeddings):
    known, labels = embeddings
    fitted = out_of_distribution.fit(known, labels, rank=23)
    centred = known - fitted.means[labels]
    precision = np.linalg.inv(centred.T @ centred / len(known))
    point = known[7] + 1.0
    expected = min(mahalanobis(point, mean, precision) for mean in fitted.means) / np.sqrt(24)
    assert fitted.score(point[None])[0] == pytest.approx(expected, rel=1e-3)


def test_strangers_score_above_every_quantile_of_the_known(embeddings):
    known, labels = embeddings
    fitted = out_of_distribution.fit(known, labels, rank=3)
    scores = fitted.score(known)
    assert np.sqrt(np.mean(scores**2)) == pytest.approx(1.0, abs=0.05)
    # The same step is nothing along the widest spread, and far outside where the known do not vary.
    along, across = np.zeros((2, 24), np.float32)
    along[0] = across[-1] = 3.0
    assert fitted.score(known + across).min() > np.quantile(scores, 0.99)
    assert np.median(fitted.score(known + along)) < np.quantile(scores, 0.99)


def test_a_weight_of_two_counts_as_two_fields(embeddings):
    known, labels = embeddings
    weights = np.where(np.arange(len(labels)) < 300, 2.0, 1.0)
    weighed = out_of_distribution.fit(known, labels, 3, weights)
    doubled = out_of_distribution.fit(np.concatenate([known, known[:300]]), np.r_[labels, labels[:300]], 3)
    np.testing.assert_allclose(weighed.score(known), doubled.score(known), rtol=1e-4)


def test_numbers_after_those_that_it_was_fitted_on_are_not_looked_at(embeddings):
    known, labels = embeddings
    fitted = out_of_distribution.fit(known[:, :20], labels, rank=3)
    np.testing.assert_array_equal(fitted.score(known), fitted.score(known[:, :20]))


def test_numbers_that_never_vary_leave_every_score_a_number(embeddings):
    known, labels = embeddings
    dead = known * (np.arange(24) < 4)
    fitted = out_of_distribution.fit(dead, labels, rank=8)
    assert np.isfinite(fitted.score(known)).all()
    assert np.isfinite(np.asarray(out_of_distribution.ServedDistance(fitted).weights)).all()
    assert np.sqrt(np.mean(fitted.score(dead) ** 2)) < 1
