"""What a linear head is fitted on: the same pictures, whichever fields are wanted."""

import signal
from contextlib import nullcontext
from dataclasses import fields as attributes
from pathlib import Path
from threading import Event, main_thread
from typing import Any

import numpy as np
import pytest

from training.data.dataset import Fields, load_fields
from training.models import classifier
from training.models import features as module
from training.models.features import Features, FrozenEmbedder, features_of
from training.models.recipes import LinearProbe

WANTED = np.array([0, 1, 2, 7, 8, 15, 23])
WAIT_S = 10.0


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give some of the pixels for features, and count the pictures of each pass."""
    seen: list[int] = []

    def embed(self: FrozenEmbedder, images: Any) -> Any:
        seen.append(len(images))
        return np.stack([images.reshape(len(images), -1)[:, turn::9973] for turn, _ in enumerate(self._turns)])

    monkeypatch.setattr(FrozenEmbedder, "embed", embed)
    return seen


@pytest.fixture(scope="module")
def fields(drawn_set: Path) -> Fields:
    return load_fields(drawn_set)


def _features(fields: Fields, backbone: str, cache: Path, wanted: Any = None) -> Features:
    slides = [key.split("/")[0] for key in fields.keys]
    network = classifier.build(backbone, fields.class_count)
    return features_of(network, fields, slides, LinearProbe(seed=3), (), cache, wanted)


def _equal(one: Features, other: Features) -> None:
    for name in (attribute.name for attribute in attributes(Features)):
        ours, theirs = getattr(one, name), getattr(other, name)
        if name == "strangers":
            assert list(ours) == list(theirs)
            ours, theirs = np.concatenate([*ours.values()]), np.concatenate([*theirs.values()])
        assert ours.shape == theirs.shape, name
        assert np.array_equal(ours, theirs), name


def test_wanted_fields_have_the_features_that_they_have_among_all(
    small_lite0: str, fields: Fields, tmp_path: Path, passes: list[int]
) -> None:
    some = _features(fields, small_lite0, tmp_path / "some", WANTED)
    seen = passes.copy()
    whole = _features(fields, small_lite0, tmp_path / "whole")
    _equal(some, whole.take(WANTED))
    assert len(some.magnified)
    assert seen[:3] == [len(WANTED)] * 3  # turned, and two varied copies
    assert seen[3] == len(some.magnified) < passes[len(seen) + 3]

    passes.clear()
    _equal(_features(fields, small_lite0, tmp_path / "whole", WANTED), some)  # what is kept of all serves some
    _equal(_features(fields, small_lite0, tmp_path / "some", WANTED), some)
    assert passes == []


def test_pictures_are_drawn_while_the_network_looks_at_those_before(
    small_lite0: str, fields: Fields, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    varying, looked = Event(), []
    vary = module._vary

    def told(*given: Any) -> Any:
        varying.set()
        return vary(*given)

    def waiting(self: FrozenEmbedder, images: Any) -> Any:
        looked.append(varying.wait(WAIT_S))
        return np.zeros((len(self._turns), len(images), 8), np.float32)

    monkeypatch.setattr(module, "_vary", told)
    monkeypatch.setattr(FrozenEmbedder, "embed", waiting)
    _features(fields, small_lite0, tmp_path, WANTED)
    assert looked[0]


def test_an_interrupted_pass_ends_with_the_fields_at_hand(small_lite0: str, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.zeros((2000, 224, 224, 3), np.uint8)
    embedder = FrozenEmbedder(classifier.build(small_lite0, 4))
    seen: list[int] = []

    class Bar:
        def update(self) -> None:
            seen.append(1)
            if len(seen) == 10:
                signal.pthread_kill(main_thread().ident, signal.SIGINT)

    monkeypatch.setattr(module, "bar", lambda *_, **__: nullcontext(Bar()))
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            embedder.embed(images)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert len(seen) < len(images) / 2
