import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from training.data.classes import labels_of, read_classes
from training.data.labels import DataError, acquisition_of
from training.data.manifest import Manifest, Record, parse


def record(key: str, **changes: object) -> Record:
    facts = {"key": key, "sha256": "0" * 64, "size_bytes": 9, "label": "Pre", "width": 64, "height": 64}
    return Record.model_validate(facts | changes)


@given(st.lists(st.tuples(st.sampled_from(labels_of(read_classes())), st.integers(0, 9999)), unique=True), st.randoms())
def test_digest_does_not_depend_on_the_order_and_survives_a_round_trip(
    names: list[tuple[str, int]], shuffler: random.Random
) -> None:
    records = [record(f"{label}/f-{n}.jpg", label=label, acquisition=n) for label, n in names]
    manifest = Manifest.of(records)
    shuffler.shuffle(records)
    assert Manifest.of(records).digest == manifest.digest
    assert parse(manifest.content, "there") == manifest


def test_digest_changes_with_a_label() -> None:
    assert Manifest.of([record("Pre/a.jpg")]).digest != Manifest.of([record("Pre/a.jpg", label="Pro")]).digest


@pytest.mark.parametrize("key", ["../x.jpg", "/etc/passwd", "Pre/../../x.jpg", "Pre\\x.jpg", "Pre//x.jpg"])
def test_a_key_that_leads_out_of_the_folder_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match="not a plain relative path"):
        record(key)


def test_a_damaged_line_is_named_by_number() -> None:
    content = Manifest.of([record("Pre/a.jpg"), record("Pre/b.jpg")]).content
    with pytest.raises(DataError, match=r"s3, line 2: .*ingest the set again"):
        parse(content[:-20], "s3")
    with pytest.raises(DataError, match="line 1: label"):
        parse(content.replace(b'"Pre"', b'"No/rmal"'), "s3")


def test_two_lines_for_one_key_are_refused() -> None:
    with pytest.raises(DataError, match=r"two lines for Pre/a\.jpg"):
        parse(Manifest.of([record("Pre/a.jpg")]).content * 2, "s3")


@pytest.mark.parametrize(
    ("name", "number"), [("WBC-Malignant-Pre-012.jpg", 12), ("synthetic_pro_03.png", 3), ("field.jpg", None)]
)
def test_acquisition_number_is_the_last_in_the_name(name: str, number: int | None) -> None:
    assert acquisition_of(f"Pre/{name}") == number
