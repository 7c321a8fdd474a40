"""From reviewers' labels to a data set: what was consented to, what is agreed on, and nothing that was erased."""

import csv
import hashlib
import io
import json
import zipfile
from pathlib import Path

import boto3
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from intake.without_metadata import without_metadata
from training.cli import main
from training.data.agreement import fleiss, kappa, majority
from training.data.dataset import list_fields


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


def picture(shade: int, *, comment: str = "") -> bytes:
    """Draw an image that no other shade is, as a PNG whose metadata may name somebody."""
    buffer, told = io.BytesIO(), PngInfo()
    told.add_text("Comment", comment)
    Image.new("RGB", (80, 80), (shade, 90, 200 - shade)).save(buffer, "PNG", pnginfo=told)
    return buffer.getvalue()


def write_zip(path: Path, files: dict[str, bytes], specimen: str, triage: str = "malignant") -> Path:
    """Write an archive as the page's button does."""
    given = sorted({name.partition("/")[0] for name in files})
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr("groups.csv", "file,specimen\n" + "".join(f"{name},{specimen}\n" for name in files))
        sides = {"blast": triage}
        archive.writestr(
            "classes.toml",
            "".join(
                f'[[classes]]\nid = "{one}"\nname = "{one} cell"\ntriage = "{sides.get(one, "benign")}"\n'
                for one in given
            ),
        )
    return path


@pytest.fixture
def archives(tmp_path: Path) -> list[str]:
    """Two reviewers' archives of partly the same images, and a third one's folder."""
    ann = {f"blast/{n:04}-a.png": picture(n) for n in (1, 2, 3)} | {"mature/0004-a.png": picture(4, comment="Ms X")}
    bob = {"blast/0001-b.png": picture(1, comment="again"), "mature/0002-b.png": picture(2)}
    bob |= {"blast/0009-b.png": picture(9)}
    cleo = tmp_path / "cleo"
    for name, content in {
        "blast/P1/x.png": picture(2),
        "mature/P1/y.png": picture(3),
        "smudge/P2/z.png": picture(5),
    }.items():
        (cleo / name).parent.mkdir(parents=True, exist_ok=True)
        (cleo / name).write_bytes(content)
    write_zip(tmp_path / "ann.zip", ann, "S1")
    write_zip(tmp_path / "bob.zip", bob, "S2")
    return [str(tmp_path / "ann.zip"), str(tmp_path / "bob.zip"), str(cleo)]


def test_archives_and_folders_of_several_reviewers_become_one_set(
    archives: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "set"
    # The first is named twice, and counts once.
    assert main(["collect", *archives, archives[0], "--output", str(output), "--format", "json"]) == 0
    told = counted(capsys.readouterr().out)
    assert told["images of blast"] == "3"  # 1 of both, 2 of two against one, 9
    assert told["images of mature"] == "1"
    assert told["images of smudge"] == "1"
    assert told["images without a majority, left out"] == "1"
    assert "Fleiss' kappa on 2 images" in told
    with (output / "disagreements.csv").open() as file:
        assert [(row["reviewer"], row["label"]) for row in csv.DictReader(file)] == [
            ("ann", "blast"),
            ("cleo", "mature"),
        ]
    with (output / "groups.csv").open() as file:
        groups = {row["file"]: row["specimen"] for row in csv.DictReader(file)}
    assert sorted(groups.values()) == ["P2", "S1", "S1", "S1", "S2"]
    files = list(output.rglob("*.png"))
    assert len({path.read_bytes() for path in files}) == len(files) == len(groups) == 5
    assert not any(b"Ms X" in path.read_bytes() for path in files)
    classes = {one.id: (one.name, one.triage) for one in list_fields(output).classes}
    assert classes == {
        "blast": ("blast cell", "malignant"),
        "mature": ("mature cell", "benign"),
        "smudge": ("smudge", None),
    }


def test_an_image_of_the_store_is_the_same_in_an_archive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kept by the API without metadata, downloaded with it: one image, two reviewers."""
    sent = picture(1, comment="Ms X")
    kept, _ = without_metadata(sent)
    folder = tmp_path / "store" / "feedback" / "r"
    folder.mkdir(parents=True)
    digest = hashlib.sha256(kept).hexdigest()
    (folder / f"{digest}.png").write_bytes(kept)
    record = {"request_id": "r", "label": "Blast", "reviewer": "dora", "consent": True, "received_at": "2026-11-28"}
    (folder / "1.json").write_text(json.dumps({**record, "image": {"sha256": digest, "format": "png"}}))
    archive = write_zip(tmp_path / "ann.zip", {"blast/0001-a.png": sent}, "S1")
    output = tmp_path / "set"
    assert main(["collect", str(tmp_path / "store"), str(archive), "--output", str(output), "--format", "json"]) == 0
    assert counted(capsys.readouterr().out)["images of blast"] == "1"
    assert [path.name for path in output.rglob("*.png")] == [f"{digest[:16]}.png"]


def test_archives_that_cannot_be_joined_are_refused_in_a_line(
    archives: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refusal(*sources: str) -> str:
        assert main(["collect", *sources, "--output", str(tmp_path / "set")]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert [path for path in tmp_path.iterdir() if "set" in path.name] == []
        return line

    twice = write_zip(tmp_path / "twice.zip", {"blast/1.png": picture(1), "mature/2.png": picture(1)}, "S")
    assert "one image under two labels, blast/1.png and mature/2.png: keep one" in refusal(str(twice))
    other = write_zip(tmp_path / "other.zip", {"blast/1.png": picture(1)}, "S", triage="benign")
    assert "blast is malignant in one classes.toml and benign in another" in refusal(archives[0], str(other))
    wrapped = write_zip(tmp_path / "wrapped.zip", {"my-slides/blast/1.png": picture(1)}, "S")
    with zipfile.ZipFile(tmp_path / "inner.zip", "w") as archive:
        archive.writestr("my-slides/blast/1.png", picture(1))
        archive.writestr("my-slides/groups.csv", "file,patient\nblast/1.png,P\n")
    assert "in a folder of its own, my-slides: unpack it" in refusal(str(tmp_path / "inner.zip"))
    wrapped.write_bytes(b"PK cut short")
    assert "is not a zip archive, or was cut short" in refusal(archives[0], str(wrapped))
    broken = write_zip(tmp_path / "broken.zip", {"blast/1.png": b"no image"}, "S")
    assert "blast/1.png cannot be read" in refusal(str(broken))
