import dataclasses

import numpy as np
import pytest

from training.data.manifest import Record
from training.data.slide_features import Appearance, appearance
from training.data.slide_report import weigh
from training.data.slides import infer_slides
from training.data.synthetic import Stain, draw_field

PINK = Stain(0.9, 1.0, (253, 250, 244), 0.05, 0.5, 100, 0.7, 0.5, 1)
GREY = Stain(0.1, 0.9, (250, 254, 255), 0.02, 3.0, 120, 0.5, 0.6, 1)
PALE = Stain(0.5, 0.6, (255, 255, 236), 0.08, 2.0, 80, 0.8, 0.5, 1)
LARGE_BAR, NO_BAR = 2, 0


def record(number: int, label: str = "Early", group: str | None = None) -> Record:
    facts = {"sha256": "0" * 64, "size_bytes": 9, "width": 224, "height": 224, "duplicate_group": group}
    return Record.model_validate(facts | {"key": f"{label}/f-{number:03d}.png", "label": label, "acquisition": number})


def looks(stains: list[Stain]) -> list[Appearance]:
    return [appearance(draw_field("Early", seed, stain=stain)) for seed, stain in enumerate(stains)]


def same_partition(slides: list[str], truth: list[object]) -> bool:
    return len(set(zip(slides, truth, strict=True))) == len(set(slides)) == len(set(truth))


def infer(stains: list[Stain], **groups: list[int]) -> list[str]:
    group_of = {number: name for name, numbers in groups.items() for number in numbers}
    records = [record(n, group=group_of.get(n)) for n in range(len(stains))]
    return infer_slides(records, looks(stains)).slides


def test_runs_alternating_slides_and_a_slide_that_comes_back() -> None:
    stains = [PINK] * 12 + [GREY, PALE] * 8 + [PINK] * 8
    slides = infer(stains)
    assert same_partition(slides, stains)
    assert set(slides) == {"Early-01", "Early-02", "Early-03"}
    assert slides[0] == "Early-01"  # the largest


def test_the_order_of_files_does_not_matter() -> None:
    stains = [PINK] * 9 + [GREY] * 7 + [PALE] * 8
    records, seen = [record(n) for n in range(len(stains))], looks(stains)
    shuffled = np.random.default_rng(2).permutation(len(stains))
    again = infer_slides([records[k] for k in shuffled], [seen[k] for k in shuffled]).slides
    straight = infer_slides(records, seen).slides
    assert again == [straight[k] for k in shuffled]


def test_another_scale_bar_alone_is_no_other_slide() -> None:
    stains = [dataclasses.replace(PINK, scale_bar=bar) for bar in [1, LARGE_BAR, NO_BAR] * 8]
    assert set(infer(stains)) == {"Early-01"}


def test_sources_that_alternate_with_their_scale_bars_come_apart() -> None:
    stains = [GREY, dataclasses.replace(PINK, scale_bar=LARGE_BAR)] * 9
    assert same_partition(infer(stains), stains)


def test_a_dark_frame_stays_with_its_neighbours() -> None:
    dark = dataclasses.replace(PINK, lamp=(150.0, 145.0, 140.0))
    stains = [PINK] * 6 + [dark] + [PINK] * 6 + [GREY] * 12
    slides = infer(stains)
    assert slides[6] == slides[5]
    assert len(set(slides)) == 2


def test_fields_that_share_cells_are_on_one_slide_whatever_they_look_like() -> None:
    stains = [PINK] * 10 + [GREY] * 10
    assert len(set(infer(stains))) == 2
    assert set(infer(stains, shared=[2, 15])) == {"Early-01"}


def test_labels_never_share_a_slide() -> None:
    stains = [PINK] * 16
    records = [record(n, "Early" if n % 2 else "Pro") for n in range(16)]
    assert same_partition(infer_slides(records, looks(stains)).slides, [one.label for one in records])


@pytest.mark.parametrize("count", [0, 1, 4])
def test_a_handful_of_fields_is_one_slide(count: int) -> None:
    assert set(infer([PINK] * count)) <= {"Early-01"}


def test_evidence_counts_pairs_before_they_are_linked() -> None:
    stains = [PINK] * 12 + [GREY] * 12
    group = {0: "within", 11: "within", 3: "across", 20: "across"}
    records, seen = [record(n, group=group.get(n)) for n in range(24)], looks(stains)
    evidence = weigh(records, seen, infer_slides(records, seen))
    assert (evidence.pairs, evidence.together) == (2, 0.5)
    assert (evidence.far_pairs, evidence.far_together) == (2, 0.5)
    assert evidence.far_by_chance == pytest.approx(11 / 23)


def test_appearance_measures_glass_lamp_tone_and_bar_but_not_the_leukocytes() -> None:
    pink, grey = (appearance(draw_field("Early", 1, stain=stain)) for stain in (PINK, GREY))
    assert pink.background == pytest.approx(PINK.lamp, abs=12)
    assert grey.erythrocytes[0] > 2 * pink.erythrocytes[0]  # grey-blue cells absorb red, pink ones do not
    assert pink.ink[1].any()
    assert not appearance(draw_field("Early", 1, stain=dataclasses.replace(PINK, scale_bar=NO_BAR))).ink[1].any()
    crowded = appearance(draw_field("Pre", 1, stain=PINK))
    assert np.abs(crowded.erythrocytes - pink.erythrocytes).max() < 0.03
