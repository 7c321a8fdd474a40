import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from training.data.splits import deal


@st.composite
def groupings(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Labels of unlike size, in groups of one to many images, some of several labels."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    count = draw(st.integers(40, 300))
    weights = rng.dirichlet(np.ones(4) * draw(st.sampled_from([0.5, 5.0])))
    labels = np.array(["Benign", "Early", "Pre", "Pro"])[rng.choice(4, count, p=weights)]
    return labels, rng.integers(0, draw(st.integers(20, count)), count)


@pytest.mark.filterwarnings("ignore:The least populated class")
@settings(max_examples=60, deadline=None)
@given(drawn=groupings(), folds=st.integers(2, 5), seed=st.sampled_from([None, 0, 7]))
def test_folds_are_scikit_learns(drawn: tuple[np.ndarray, np.ndarray], folds: int, seed: int | None) -> None:
    labels, groups = drawn

    def state() -> np.random.RandomState | None:
        return None if seed is None else np.random.RandomState(seed)

    theirs = np.full(len(labels), -1)
    reference = StratifiedGroupKFold(folds, shuffle=seed is not None, random_state=state())
    if np.all(folds > np.unique(labels, return_counts=True)[1]) or len(np.unique(groups)) < folds:
        return
    for fold, (_, test) in enumerate(reference.split(labels, labels, groups)):
        theirs[test] = fold
    assert np.array_equal(deal(labels, groups, folds, state()), theirs)
