"""The heads, gate and scale on features pooled by stain: on drawn clusters, no network and no picture."""

import numpy as np
import pytest

from training.data.classes import read_classes
from training.models.features import Features
from training.models.gate import fit_gate
from training.models.levels import join, sides_of
from training.models.linear_probe import fit_linear_head, fit_triage
from training.models.recipes import LinearProbe
from training.models.slide_learner import SlideLearned, examine_gate, learn_on_slides

CLASSES = read_classes()
SIDES = sides_of(CLASSES)
WIDTH, COLOURS, OF_A_SLIDE = 24, 12, 25
LABELS = np.repeat([0, 0, 0, 1, 1, 2, 2, 3, 3], OF_A_SLIDE)
SLIDES = [f"s{k}" for k in np.repeat(np.arange(9), OF_A_SLIDE)]


@pytest.fixture(scope="module")
def features() -> Features:
    """Draw four labels as clusters, a direction that tells the magnification, and strangers aside of all."""
    rng = np.random.default_rng(0)
    count = len(LABELS)
    means = np.zeros((4, WIDTH))
    means[:, 12:16] = 4 * np.eye(4)
    slide = np.repeat(rng.normal(0, 0.5, (9, WIDTH)), OF_A_SLIDE, 0)
    plain = (means[LABELS] + slide + rng.normal(0, 1, (count, WIDTH))).astype(np.float32)
    doublings = rng.uniform(-1.3, 1.3, count).astype(np.float32)
    magnified = plain.copy()
    magnified[:, 20] += 5 * doublings
    strangers = {name: rng.normal(0, 1, (60, WIDTH)).astype(np.float32) for name in ("one", "other")}
    for moved in strangers.values():
        moved[:, 2] += 7
    noisy = plain + rng.normal(0, 0.1, plain.shape).astype(np.float32)
    turned = np.stack([plain, noisy, noisy, plain])
    shown = np.arange(count)[:, None]
    return Features(turned, noisy[None], np.full(count, 0.1, np.float32), magnified, doublings, shown, strangers)


@pytest.fixture(scope="module")
def learned(features: Features) -> SlideLearned:
    found = learn_on_slides(features, LABELS, SLIDES, COLOURS, LinearProbe(), CLASSES)
    assert found is not None
    return found


def test_a_part_keeps_only_pictures_of_its_own_fields(features: Features) -> None:
    which = np.arange(50, 150)
    part = features.take(which)
    assert part.turned.shape == (4, 100, WIDTH)
    assert len(part.magnified) == 100
    assert part.shown.max() == 99
    np.testing.assert_array_equal(part.magnified[0], features.magnified[50])


def test_of_triage_a_slide_says_no_more_for_having_more_fields(features: Features, learned: SlideLearned) -> None:
    """A slide's fields thrice: in each part of triage it counts as before, once the penalty is that of as many rows."""
    standard, varied = learned.head.standardise(features.turned), learned.head.standardise(features.varied)
    slide = np.arange(OF_A_SLIDE)
    again = np.concatenate([np.arange(len(LABELS)), slide, slide])
    once = fit_triage(standard, varied, LABELS, SIDES[LABELS] > 0, SLIDES, COLOURS, LinearProbe())
    thrice = fit_triage(
        standard[:, again],
        varied[:, again],
        LABELS[again],
        SIDES[LABELS[again]] > 0,
        [SLIDES[place] for place in again],
        COLOURS,
        LinearProbe(c=LinearProbe().c * len(LABELS) / len(again)),
    )
    np.testing.assert_allclose(thrice.of(standard[0]), once.of(standard[0]), atol=0.01)


def test_the_magnification_is_read_off_the_embedding(features: Features, learned: SlideLearned) -> None:
    read = learned.readings.magnification.of(learned.head.standardise(features.magnified))
    assert np.corrcoef(read, features.doublings)[0, 1] > 0.9
    least, most = learned.numbers.magnifications
    assert 0.3 < least < 1.0 < most < 3.0


def test_a_gate_turns_away_strangers_that_it_never_saw_and_keeps_its_own(
    features: Features, learned: SlideLearned
) -> None:
    assert max(examine_gate(features, learned).values()) < 0.1
    assert np.mean(list(learned.numbers.left_out.values())) < 0.15
    head = fit_linear_head(features.turned, features.varied, LABELS, features.densities, LinearProbe())
    gate = fit_gate(features, head)
    known = gate.of(head.standardise(features.embeddings))
    assert gate.of(head.standardise(features.strangers["one"])).min() > np.quantile(known, 0.95)


def test_one_wild_statistic_does_not_open_the_gate(features: Features, learned: SlideLearned) -> None:
    stranger = learned.head.standardise(features.strangers["one"][:1])
    wild = stranger.copy()
    kernel = learned.readings.ood.kernel
    wild[0, int(np.argmin(kernel))] = 1e6
    lost = learned.readings.ood.of(stranger)[0] - learned.readings.ood.of(wild)[0]
    assert lost < 20 * abs(kernel).max()


def test_triage_is_told_apart_from_the_pattern(features: Features, learned: SlideLearned) -> None:
    standard = learned.head.standardise(features.embeddings)
    probabilities = join(learned.head.logits(features.embeddings), learned.readings.triage.of(standard), SIDES)
    np.testing.assert_allclose(probabilities.sum(1), 1.0, atol=1e-5)
    malignant = probabilities[:, SIDES > 0].sum(1)
    assert ((malignant > 0.5) == (LABELS > 0)).mean() > 0.97
    assert learned.numbers.triage.slope == 1.0


def test_however_sure_the_pattern_is_the_side_stays_as_the_triage_says() -> None:
    loud = np.array([[-50.0, 80.0, 0.0, 0.0]], np.float32)
    found = join(loud, np.array([0.0]), SIDES)
    np.testing.assert_allclose(found[0], [0.5, 0.5, 0.0, 0.0], atol=1e-6)


def test_a_label_with_a_single_field_is_told(features: Features) -> None:
    which = np.append(np.flatnonzero(LABELS > 0), 0)
    assert (
        learn_on_slides(
            features.take(which), LABELS[which], [SLIDES[k] for k in which], COLOURS, LinearProbe(), CLASSES
        )
        is None
    )


def test_a_head_of_two_labels_has_a_logit_for_each(features: Features) -> None:
    two = (LABELS > 0).astype(np.int64)
    head = fit_linear_head(features.turned, features.varied, two, features.densities, LinearProbe())
    logits = head.logits(features.embeddings)
    assert logits.shape == (len(two), 2)
    assert np.mean(logits.argmax(1) == two) > 0.95
