"""From reviewers' labels to a data set: what was consented to, what is agreed on, and nothing that was erased."""

import csv
import hashlib
import json
from pathlib import Path

import boto3
import pytest

from training.cli import main
from training.data.agreement import fleiss, kappa, majority


class Reviews:
    """A store of feedback, as the API writes it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def add(
        self, image: str, label: str, reviewer: str = "", *, consent: bool = True, specimen: str = "", at: int = 0
    ) -> Path:
        """Keep one label, and with consent its pixels; gives the record's path."""
        pixels = f"pixels of {image}".encode()
        digest = hashlib.sha256(pixels).hexdigest()
        folder = self.root / "feedback" / f"request-{image}"
        folder.mkdir(parents=True, exist_ok=True)
        if consent:
            (folder / f"{digest}.png").write_bytes(pixels)
        record = {
            "request_id": f"request-{image}",
            "label": label,
            "reviewer": reviewer or None,
            "specimen": specimen or None,
            "comment": None,
            "consent": consent,
            "image": {"sha256": digest, "format": "png"} if consent else None,
            "model": {"version": "2.0.0"},
            "received_at": f"2026-11-28T10:00:{at:02d}Z",
        }
        name = hashlib.sha256(json.dumps(record).encode()).hexdigest()
        (folder / f"{name}.json").write_text(json.dumps(record))
        return folder


@pytest.fixture
def reviews(tmp_path: Path) -> Reviews:
    made = Reviews(tmp_path / "store")
    made.add("a", "blast", "ann", specimen="S1")
    made.add("a", "blast", "bob")
    made.add("b", "blast", "ann", specimen="S2")
    made.add("b", "mature", "bob")
    made.add("c", "mature", "ann")
    made.add("c", "blast", "bob", at=1)
    made.add("c", "mature", "bob", at=2)
    made.add("d", "Other", "ann")
    made.add("e", "mature", "ann", consent=False)
    made.add("f", "mature", "ann", specimen="S1")
    return made


def counted(told: str) -> dict[str, str]:
    return {row["what"]: row["count"] for row in json.loads(told)}


EXPECTED = {
    "images of blast": "1",
    "images of mature": "2",
    "specimens named by reviewers": "2",
    "images without a majority, left out": "1",
    "images that are none of the classes, left out": "1",
    "Cohen's kappa on 3 images": "0.400",
}


def test_majority_specimens_and_disagreements(
    reviews: Reviews, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "set"
    assert main(["collect", str(reviews.root), "--output", str(output), "--format", "json"]) == 0
    assert counted(capsys.readouterr().out) == EXPECTED
    with (output / "groups.csv").open() as file:
        groups = {row["file"].partition("/")[0]: row["specimen"] for row in csv.DictReader(file)}
    assert groups["blast"] == "S1"
    with (output / "disagreements.csv").open() as file:
        assert [(row["reviewer"], row["label"]) for row in csv.DictReader(file)] == [
            ("ann", "blast"),
            ("bob", "mature"),
        ]
    assert sorted(path.parent.name for path in output.rglob("*.png")) == ["blast", "mature", "mature"]


def test_the_same_from_a_bucket(
    reviews: Reviews, tmp_path: Path, bucket_uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client = boto3.client("s3")
    bucket, _, prefix = bucket_uri.removeprefix("s3://").partition("/")
    for path in (one for one in reviews.root.rglob("*") if one.is_file()):
        client.put_object(Bucket=bucket, Key=f"{prefix}/{path.relative_to(reviews.root)}", Body=path.read_bytes())
    assert main(["collect", bucket_uri, "--output", str(tmp_path / "set"), "--format", "json"]) == 0
    assert counted(capsys.readouterr().out) == EXPECTED


def test_an_erased_image_is_never_collected(reviews: Reviews, tmp_path: Path) -> None:
    for path in reviews.add("a", "blast", "ann", specimen="S1").glob("*.png"):
        path.unlink()
    assert main(["collect", str(reviews.root), "--output", str(tmp_path / "set")]) == 0
    assert not (tmp_path / "set" / "blast").exists()


def test_what_cannot_be_collected_is_told_and_nothing_is_written(
    reviews: Reviews, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "set"
    assert main(["collect", str(tmp_path / "absent"), "--output", str(output)]) == 2
    assert "holds no feedback" in capsys.readouterr().err
    assert main(["collect", "s3:/bad", "--output", str(output)]) == 2
    next((reviews.root / "feedback" / "request-a").glob("*.png")).write_bytes(b"changed")
    assert main(["collect", str(reviews.root), "--output", str(output)]) == 2
    assert "is not the image that was kept" in capsys.readouterr().err
    assert not output.exists()
    output.mkdir()
    assert main(["collect", str(reviews.root), "--output", str(output)]) == 2
    assert "is there already" in capsys.readouterr().err


def test_kappas_of_the_books() -> None:
    # Fleiss 1971's numbers, as Wikipedia retells them: ten subjects, fourteen raters, five categories.
    import numpy as np

    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    assert fleiss(np.array(counts)) == pytest.approx(0.210, abs=0.001)
    assert majority({"a": "x", "b": "y"}) is None
    assert majority({"a": "x", "b": "x", "c": "y"}) == "x"
    found = kappa({"1": {"a": "x", "b": "x", "c": "y"}, "2": {"a": "y", "b": "y", "c": "y"}})
    assert found is not None
    assert found.name == "Fleiss' kappa"
