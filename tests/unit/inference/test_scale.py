"""Fields of known pixel size are brought to scale; of unknown size, the network's estimate counts."""

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inference
from inference.scale import MAX_TILES, Box, plan_field
from inference.tiles import evidence_together
from intake import Picture
from intake.source import Source
from tests.model_folders import copy_of, public_card

TRAINED = {"method": "m", "reference": "r", "minimum": 0.8, "maximum": 1.25, "microns_per_pixel": 0.2}
CARD = public_card(scale=TRAINED)


def _picture(width: int, height: int, microns: float | None = None) -> Picture:
    return Picture(
        np.zeros((height, width, 3), np.uint8),
        width,
        height,
        1,
        Source("PNG", microns_per_pixel=microns),
        format="PNG",
        sha256="0" * 64,
    )


@pytest.mark.parametrize(
    ("size", "microns", "boxes", "magnification"),
    [
        ((224, 224), 0.2, 1, 1.0),  # as trained
        ((448, 448), 0.1, 1, 1.0),  # the same field, twice as fine
        ((260, 260), 0.2, 1, 0.862),  # within the rule: whole
        ((448, 448), 0.2, 4, 0.5),  # a weaker objective
        ((672, 448), 0.2, 6, 0.408),
        ((448, 224), 0.2, 2, 0.707),  # wide along one axis
        ((300, 300), 0.2, 4, 0.747),  # a bit wide: tiles overlap and nothing is lost
        ((112, 112), 0.2, 1, 2.0),  # a stronger one: nothing to cut
    ],
)
def test_a_field_is_cut_into_fields_of_the_trained_size(
    size: tuple[int, int], microns: float, boxes: int, magnification: float
) -> None:
    plan = plan_field(CARD, _picture(*size), microns)
    assert plan.magnification is not None
    assert plan.magnification.value == pytest.approx(magnification, abs=1e-3)
    assert plan.magnification.source == "given"
    assert len(plan.boxes) == boxes
    covered = np.zeros(size[::-1], bool)
    for box in plan.boxes:
        assert box.x >= 0
        assert box.y >= 0
        covered[box.y : box.y + box.height, box.x : box.x + box.width] = True
    assert covered.all()
    if boxes > 1:
        assert plan.seen == pytest.approx(1.0, abs=0.01)


def test_the_callers_pixel_size_counts_before_the_files() -> None:
    picture = _picture(448, 448, microns=0.2)
    assert len(plan_field(CARD, picture).boxes) == 4
    assert plan_field(CARD, picture).magnification == inference.Magnification(0.5, "file")
    assert len(plan_field(CARD, picture, 0.1).boxes) == 1


@pytest.mark.parametrize("scale", [None, TRAINED | {"microns_per_pixel": None}])
def test_a_card_that_knows_no_pixel_size_says_so(scale: dict[str, object] | None) -> None:
    plan = plan_field(public_card(scale=scale), _picture(448, 448), 0.2)
    assert (len(plan.boxes), plan.magnification) == (1, None)
    assert "was not used" in plan.notes[0]
    assert plan_field(public_card(scale=scale), _picture(448, 448, 0.2)).notes == ()


def test_an_image_of_too_many_fields_is_refused_with_advice() -> None:
    side = 224 * 8
    assert len(plan_field(CARD, _picture(side, side), 0.2).boxes) == MAX_TILES
    with pytest.raises(inference.ImageTooLarge, match=r"9 x 8 fields .*send a part of it, or correct the pixel size"):
        plan_field(CARD, _picture(side + 224, side), 0.2)


def test_evidence_lies_where_its_tiles_lie() -> None:
    boxes = [Box(0, 0, 224, 224), Box(224, 0, 224, 224)]
    maps = [np.zeros((7, 7), np.float32), np.ones((7, 7), np.float32)]
    canvas = evidence_together(boxes, maps, 448, 224)
    left, right = np.hsplit(canvas, 2)
    assert (left.max(), right.min()) == (0.0, 1.0)


# --- through the classifier, whose network is told by the picture's own brightness ---------------------------------

Predict = Callable[..., inference.Answer]


@pytest.fixture
def predict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Predict:
    """Give a classifier that calls dark fields pre-B, bright ones benign, and black ones strange."""
    rules = {"out_of_distribution": {"threshold": 1.0}, "prediction_set": {"minimum_probability": 0.2}}
    folder = copy_of(tmp_path / "scaled", scale=TRAINED, **rules)
    classifier = inference.load(folder)

    def run(image: np.ndarray, scale: float | None = None) -> inference.Outputs:
        level = float(image.mean()) / 255.0
        probabilities = np.array([level, 0.0, 1.0 - level, 0.0], np.float32)
        maps = np.full((7, 7, 4), level, np.float32)
        return inference.Outputs(probabilities, probabilities, maps, 9.0 if level < 0.01 else 0.0, scale)

    def ask(picture: np.ndarray, *, estimate: float | None = None, **options: object) -> inference.Answer:
        monkeypatch.setattr(classifier, "run", lambda image: run(image, estimate))
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        return classifier.predict(file.getvalue(), **options)  # type: ignore[arg-type]

    return ask


def _mosaic(*levels: int, side: int = 224) -> np.ndarray:
    """Put four fields together, as a weaker objective sees them."""
    first, second, third, fourth = (np.full((side, side, 3), level, np.uint8) for level in levels)
    return np.vstack([np.hstack([first, second]), np.hstack([third, fourth])])


def test_a_wide_field_is_answered_in_tiles_and_summed_up(predict: Predict) -> None:
    answer = predict(_mosaic(10, 10, 10, 10), microns_per_pixel=0.2, explain=True)
    assert len(answer.tiles) == 4
    assert [(tile.x, tile.y) for tile in answer.tiles] == [(0, 0), (224, 0), (0, 224), (224, 224)]
    assert all(tile.decision.label == "Pre" for tile in answer.tiles)
    assert (answer.verdict, answer.summary) == ("accepted", "malignant; pre-B")
    assert answer.magnification == inference.Magnification(0.5, "given")
    assert answer.heatmap_png is not None
    assert Image.open(io.BytesIO(answer.heatmap_png)).size == (448, 448)


def test_a_field_is_never_accepted_where_its_tiles_contradict_each_other(predict: Predict) -> None:
    answer = predict(_mosaic(10, 250, 250, 250), microns_per_pixel=0.2)
    assert [tile.decision.triage.result for tile in answer.tiles if tile.decision.triage] == ["malignant"] + [
        "benign"
    ] * 3
    assert answer.triage is not None
    assert (answer.triage.verdict, answer.verdict) == ("uncertain", "uncertain")
    assert answer.reason is not None
    assert "look at its tiles" in answer.reason


def test_tiles_that_the_model_does_not_know_do_not_count(predict: Predict) -> None:
    answer = predict(_mosaic(0, 10, 10, 10), microns_per_pixel=0.2)
    assert answer.tiles[0].decision.probabilities is None
    assert answer.summary == "malignant; pre-B"
    mostly = predict(_mosaic(0, 0, 0, 10), microns_per_pixel=0.2)
    assert (mostly.verdict, mostly.probabilities, mostly.label) == ("out_of_distribution", None, None)
    assert mostly.reason is not None
    assert mostly.reason.startswith("3 of the 4 parts")


def test_a_stronger_objective_is_turned_away_by_the_pixel_size(predict: Predict) -> None:
    answer = predict(np.full((224, 224, 3), 10, np.uint8), microns_per_pixel=0.1)
    assert answer.verdict == "out_of_distribution"
    assert answer.reason is not None
    assert "looks like 2x of the trained magnification, by its pixel size" in answer.reason


@pytest.mark.parametrize(("estimate", "known"), [(0.0, True), (-0.3, True), (-1.0, False), (1.0, False)])
def test_an_unknown_scale_is_estimated_and_held_against_the_rule(
    predict: Predict, estimate: float, known: bool
) -> None:
    answer = predict(np.full((224, 224, 3), 10, np.uint8), estimate=estimate)
    assert answer.magnification == inference.Magnification(pytest.approx(2.0**estimate), "estimated")
    assert (answer.verdict == "accepted") == known
    assert (answer.probabilities is not None) == known


def test_a_wrong_pixel_size_is_caught_by_the_estimate(predict: Predict) -> None:
    answer = predict(np.full((224, 224, 3), 10, np.uint8), microns_per_pixel=0.2, estimate=-1.0)
    assert answer.reason is not None
    assert "looks like 0.5x of the trained magnification, by its cells" in answer.reason
    assert "correct its pixel size" in answer.reason


def test_tiles_of_a_large_image_are_as_sharp_as_fields_of_their_own(
    lenient_scaled: inference.Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Stripes three pixels wide, one pixel of the trained scale: a reduction made for the whole field loses them.
    stripes = np.repeat(np.arange(896) % 2 * 255, 3).astype(np.uint8)
    picture = np.ascontiguousarray(np.broadcast_to(stripes[None, :, None], (2688, 2688, 3)))
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG", compress_level=1)
    shown: list[np.ndarray] = []
    run = lenient_scaled.run
    monkeypatch.setattr(lenient_scaled, "run", lambda image: shown.append(image) or run(image))
    answer = lenient_scaled.predict(file.getvalue(), microns_per_pixel=0.2 / 3)
    assert len(answer.tiles) == len(shown) == 16
    assert all(tile.width == 672 for tile in answer.tiles)
    assert min(image.std() for image in shown) > 60.0


@pytest.fixture
def lenient_scaled(tmp_path: Path) -> inference.Classifier:
    """Give the shipped network with a rule of scale, that turns nothing else away."""
    return inference.load(copy_of(tmp_path / "scaled", scale=TRAINED, out_of_distribution={"threshold": 1000.0}))
