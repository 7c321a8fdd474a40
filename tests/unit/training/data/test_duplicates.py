import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from inference import read_image
from training.data.duplicates import Overlap, components, duplicate_groups, fingerprint, near_hashes, peak_by_chance
from training.data.synthetic import Stain, draw_field

SLIDE = Stain(0.3, 1.0, (252, 252, 248), 0.04, 1.0, 110, 0.7, 0.5, 2)


def groups_of(fields: list[np.ndarray]) -> list[str | None]:
    return duplicate_groups(
        [f"{n:02d}" for n in range(len(fields))], [fingerprint(field) for field in fields], ["one"] * len(fields)
    )


def saved_again(field: np.ndarray) -> np.ndarray:
    """The same field, brighter and as a poor JPEG."""
    buffer = io.BytesIO()
    ImageEnhance.Brightness(Image.fromarray(field)).enhance(1.05).save(buffer, "JPEG", quality=30)
    return np.asarray(Image.open(buffer))


def test_other_fields_of_one_slide_are_no_duplicates() -> None:
    assert groups_of([draw_field("Early", seed, stain=SLIDE) for seed in range(12)]) == [None] * 12


def test_a_field_saved_again_is_grouped_with_the_first() -> None:
    fields = [draw_field("Pre", seed, stain=SLIDE) for seed in range(3)]
    assert groups_of([*fields, saved_again(fields[1])]) == [None, "01", None, "01"]


def test_the_same_cells_shifted_are_grouped() -> None:
    film = draw_field("Pro", 5, size=320)
    here, there = film[:224, :224], film[40:264, 30:254]
    assert groups_of([draw_field("Pro", 8), here, there]) == [None, "01", "01"]


def test_groups_connect_through_a_third_and_take_the_smallest_name() -> None:
    film = draw_field("Pre", 6, size=420)
    windows = [film[:224, k : k + 224] for k in (0, 70, 140)]
    assert groups_of(windows) == ["00", "00", "00"]
    assert groups_of(windows[::-1]) == ["00", "00", "00"]


def test_components_of_no_links_and_of_a_chain() -> None:
    assert components(3, []) == [[0], [1], [2]]
    assert components(4, [[0, 3], [3, 1]]) == [[0, 1, 3], [0, 1, 3], [2], [0, 1, 3]]


def test_near_hashes_are_the_same_across_blocks() -> None:
    bits = np.random.default_rng(0).random((1500, 64)) < 0.5
    bits[1400] = bits[3]
    assert near_hashes(bits, 0).tolist() == [[3, 1400]]


@pytest.mark.data
def test_real_near_duplicates_are_found_and_stay_within_a_label(smears: Path) -> None:
    # Neighbouring, saved twice, and gone over again hundreds of numbers later, as seen by eye.
    known = [
        ("Benign/WBC-Benign-500.jpg", "Benign/WBC-Benign-501.jpg"),
        ("Early/WBC-Malignant-Early-232.jpg", "Early/WBC-Malignant-Early-601.jpg"),
        ("Pro/WBC-Malignant-Pro-461.jpg", "Pro/WBC-Malignant-Pro-487.jpg"),
        ("Early/WBC-Malignant-Early-117.jpg", "Early/WBC-Malignant-Early-546.jpg"),
    ]
    names = [name for pair in known for name in pair]
    fields = [read_image((smears / name).read_bytes()).pixels for name in names]
    assert groups_of(fields) == ["00", "00", "02", "02", "04", "04", "06", "06"]


def test_what_pictures_of_different_labels_reach_links_no_others() -> None:
    labels = ["blast"] * 40 + ["healthy"] * 40
    alike = [Overlap(first, first + 1, 0.55) for first in range(39)] + [Overlap(60, 61, 0.95)]
    assert peak_by_chance([*alike, Overlap(3, 50, 0.58)], labels) == 0.58
    # Of one image under two labels nothing is learnt of chance, and little where few pairs could tell.
    assert peak_by_chance([*alike, Overlap(3, 50, 0.97)], labels) == 0.0
    assert peak_by_chance([Overlap(0, 1, 0.58)], ["blast", "healthy"]) == 0.0
