import argparse
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import boto3
import pytest
from PIL import Image

from training.data import ingest, pull
from training.data.dataset import list_fields
from training.data.groups import read_groups
from training.data.manifest import MANIFEST_NAME, read
from training.data.s3 import Bucket, BucketError
from training.data.shards import INDEX_KEY
from training.data.source import Source
from training.data.validation import examine

Command = Callable[..., int]


@pytest.fixture
def command() -> Command:
    """Run a command line as `python -m training` does."""
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers(required=True)
    ingest.add_parser(subparsers)
    pull.add_parser(subparsers)

    def call(*arguments: object) -> int:
        options = parser.parse_args([str(one) for one in arguments])
        return options.run(options)

    return call


@pytest.fixture
def source(drawn_set: Path, tmp_path: Path) -> Path:
    """A copy of the drawn set that a test may damage."""
    return Path(shutil.copytree(drawn_set, tmp_path / "source"))


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def keys(uri: str) -> set[str]:
    return set(Bucket(uri, 4).list())


class Interrupted(Bucket):
    """A bucket whose user presses Ctrl-C during the nth transfer."""

    def __init__(self, uri: str, after: int) -> None:
        super().__init__(uri, connections=2)
        self.left = after

    def tick(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt

    def put(self, key: str, data: bytes) -> str:
        self.tick()
        return super().put(key, data)

    def get(self, key: str) -> bytes:
        self.tick()
        return super().get(key)


def test_a_folder_goes_in_and_comes_out_byte_for_byte(
    command: Command, source: Path, tmp_path: Path, bucket_uri: str
) -> None:
    assert command("ingest", source, bucket_uri) == 0
    assert command("pull", bucket_uri, tmp_path / "out") == 0
    out = files(tmp_path / "out")
    del out[MANIFEST_NAME]
    assert out == files(source)
    record = read(tmp_path / "out" / MANIFEST_NAME).records[0]
    assert (record.key, record.label, record.width, record.acquisition) == (
        "Benign/synthetic_benign_01.png",
        "Benign",
        96,
        1,
    )


def test_the_archive_with_its_segmented_copies_gives_the_same_manifest(
    command: Command, source: Path, tmp_path: Path, bucket_uri: str
) -> None:
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        for name, data in files(source).items():
            archive.writestr(f"Original/{name}", data)
            archive.writestr(f"Segmented/{name}", data)
    assert command("ingest", tmp_path / "archive.zip", bucket_uri) == 0
    assert command("ingest", source, f"{bucket_uri}-folder") == 0
    assert Bucket(bucket_uri, 1).get(MANIFEST_NAME) == Bucket(f"{bucket_uri}-folder", 1).get(MANIFEST_NAME)
    assert not any("Segmented" in key for key in keys(bucket_uri))


def test_all_problems_are_reported_at_once_and_nothing_is_uploaded(
    command: Command, source: Path, bucket_uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (source / "Pre" / "synthetic_pre_02.png").write_bytes(b"not an image")
    truncated = source / "Pro" / "synthetic_pro_01.png"
    truncated.write_bytes(truncated.read_bytes()[:3000])
    (source / "Normal").mkdir()
    shutil.copy(source / "Pre" / "synthetic_pre_01.png", source / "Normal" / "x-1.png")
    # The same picture under another label, saved again so that the bytes differ.
    Image.open(source / "Early" / "synthetic_early_03.png").save(source / "Benign" / "again-9.png", compress_level=1)
    assert command("ingest", source, bucket_uri) == 2
    report = capsys.readouterr().err
    for expected in (
        "unreadable image: Pre/synthetic_pre_02.png",
        "unreadable image: Pro/synthetic_pro_01.png",
        "1 image in 'Normal', which is no class folder",
        "the same image under two labels: Benign/again-9.png, Early/synthetic_early_03.png",
        "4 problems",
    ):
        assert expected in report
    assert keys(bucket_uri) == set()


def test_an_interrupted_ingest_leaves_no_manifest_and_goes_on(source: Path, bucket_uri: str) -> None:
    with Source(source) as opened:
        examination = examine(opened, progress=False)
        with pytest.raises(KeyboardInterrupt):
            ingest.upload(opened, examination, Interrupted(bucket_uri, after=10), progress=False)
        there = len(keys(bucket_uri))
        assert 0 < there < 24
        with pytest.raises(BucketError, match=r"no manifest\.jsonl"):
            pull.pull(Bucket(bucket_uri, 4), source.parent / "out", progress=False)
        assert ingest.upload(opened, examination, Bucket(bucket_uri, 4), progress=False) == 24 - there
        assert ingest.upload(opened, examination, Bucket(bucket_uri, 4), progress=False) == 0


def test_an_interrupted_pull_leaves_whole_images_and_goes_on(
    command: Command, source: Path, tmp_path: Path, bucket_uri: str
) -> None:
    assert command("ingest", source, bucket_uri) == 0
    boto3.client("s3").delete_object(Bucket="smears", Key=f"{bucket_uri.removeprefix('s3://smears/')}/{INDEX_KEY}")
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        pull.pull(Interrupted(bucket_uri, after=12), out, progress=False)
    here, whole = files(out), files(source)
    assert 0 < len(here) < 24
    assert all(whole[name] == data for name, data in here.items())
    (out / "Pre").mkdir(exist_ok=True)
    (out / "Pre" / ".partial-1-synthetic_pre_01.png.part").write_bytes(b"half")
    _, fetched = pull.pull(Bucket(bucket_uri, 4), out, progress=False)
    assert fetched == 24 - len(here)
    assert files(out) == whole | {MANIFEST_NAME: Bucket(bucket_uri, 1).get(MANIFEST_NAME)}


def test_a_damaged_local_file_is_fetched_again_and_a_stranger_is_named(
    command: Command, source: Path, tmp_path: Path, bucket_uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert command("ingest", source, bucket_uri) == 0
    assert command("pull", bucket_uri, out) == 0
    victim = out / "Pro" / "synthetic_pro_04.png"
    victim.write_bytes(victim.read_bytes()[:-1] + b"!")
    (out / "Pre" / "mine-1.png").write_bytes(b"")
    capsys.readouterr()
    assert command("pull", bucket_uri, out) == 0
    assert victim.read_bytes() == (source / "Pro" / "synthetic_pro_04.png").read_bytes()
    said = capsys.readouterr().err
    assert "1 fetched now" in said
    assert "Pre/mine-1.png" in said


@pytest.mark.parametrize("damage", [b"other bytes", None], ids=["replaced", "removed"])
def test_an_object_that_is_not_the_manifests_fails_the_pull_by_name(
    command: Command,
    source: Path,
    tmp_path: Path,
    bucket_uri: str,
    capsys: pytest.CaptureFixture[str],
    damage: bytes | None,
) -> None:
    assert command("ingest", source, bucket_uri) == 0
    place = {"Bucket": "smears", "Key": bucket_uri.removeprefix("s3://smears/") + "/Early/synthetic_early_05.png"}
    if damage is None:
        boto3.client("s3").delete_object(**place)
    else:
        boto3.client("s3").put_object(**place, Body=damage)
    assert command("pull", bucket_uri, tmp_path / "out") == 1
    assert "Early/synthetic_early_05.png" in capsys.readouterr().err
    assert not (tmp_path / "out" / MANIFEST_NAME).exists()
    assert len(files(tmp_path / "out")) == 23


def test_damaged_packs_only_cost_time(command: Command, source: Path, tmp_path: Path, bucket_uri: str) -> None:
    assert command("ingest", source, bucket_uri) == 0
    for key in keys(bucket_uri):
        if key.endswith(".tar"):
            pack = Bucket(bucket_uri, 1).get(key)
            Bucket(bucket_uri, 1).put(key, pack[: len(pack) // 2] + b"\0" * 700)
    assert command("pull", bucket_uri, tmp_path / "out") == 0
    assert len(files(tmp_path / "out")) == 25


def test_a_changed_set_replaces_the_old_one(command: Command, source: Path, tmp_path: Path, bucket_uri: str) -> None:
    out = tmp_path / "out"
    assert command("ingest", source, bucket_uri) == 0
    assert command("pull", bucket_uri, out) == 0
    shutil.copy(source / "Pre" / "synthetic_pre_06.png", source / "Pre" / "synthetic_pre_01.png")
    assert command("ingest", source, bucket_uri) == 0
    assert command("pull", bucket_uri, out) == 0
    assert (out / "Pre" / "synthetic_pre_01.png").read_bytes() == (source / "Pre" / "synthetic_pre_06.png").read_bytes()


def test_a_put_that_arrives_otherwise_is_noticed(bucket_uri: str) -> None:
    bucket = Bucket(bucket_uri, 1)

    def garble(parsed: dict[str, object], **_: object) -> None:
        parsed["ETag"] = '"00000000000000000000000000000000"'

    bucket._client.meta.events.register("after-call.s3.PutObject", garble)
    with pytest.raises(BucketError, match=r"Pre/a\.jpg: it arrived damaged: run the command again"):
        bucket.put("Pre/a.jpg", b"data")


@pytest.mark.parametrize(
    ("uri", "advice"),
    [("smears/all", "write it as s3://BUCKET/PREFIX"), ("s3://no-such-bucket-here/x", "there is no such bucket")],
)
def test_a_wrong_place_says_what_to_do(
    command: Command, source: Path, bucket_uri: str, capsys: pytest.CaptureFixture[str], uri: str, advice: str
) -> None:
    assert command("ingest", source, uri) == 1
    assert command("pull", uri, source.parent / "out") == 1
    assert capsys.readouterr().err.count(advice) == 2


CLASSES = """
[[classes]]
id = "mature"
name = "mature cell"
aliases = ["Benign"]
[[classes]]
id = "Pre"
name = "pre-B"
"""


@pytest.fixture
def grouped(source: Path) -> Path:
    """Two classes, one of them under an alias, in folders of patients."""
    for name in ("Early", "Pro"):
        shutil.rmtree(source / name)
    for place, path in enumerate(sorted(source.rglob("*.png"))):
        patient = path.parent / f"P{place % 2}"
        patient.mkdir(exist_ok=True)
        path.rename(patient / path.name)
    (source / "classes.toml").write_text(CLASSES)
    return source


@pytest.mark.parametrize("told_by", ["folders", "file", "pattern"])
def test_classes_and_groups_travel_with_the_set(
    command: Command, grouped: Path, tmp_path: Path, bucket_uri: str, told_by: str
) -> None:
    more = []
    if told_by != "folders":
        images = sorted(grouped.rglob("*.png"))
        table = "".join(f"{path.relative_to(grouped).as_posix()},{path.parent.name}\n" for path in images)
        (grouped / "groups.csv").write_text("file,specimen\n" + table)
    if told_by == "pattern":
        (grouped / "groups.csv").unlink()
        for path in sorted(grouped.rglob("*.png")):
            path.rename(path.parents[1] / f"{path.parent.name}_{path.name}")
        more = ["--group-pattern", r"^(P\d)_"]
    assert command("ingest", grouped, bucket_uri, *more) == 0
    assert command("pull", bucket_uri, tmp_path / "out") == 0
    listing = list_fields(tmp_path / "out")
    assert [one.name for one in listing.classes] == ["mature cell", "pre-B"]
    told = read_groups(tmp_path / "out", listing)
    assert told is not None
    assert {one.label for one in listing.images} == {"mature", "Pre"}
    assert {key: name for key, name in told.names.items() if f"{name}/" not in key and f"{name}_" not in key} == {}
    assert set(told.names.values()) == {"P0", "P1"}


def test_groups_that_do_not_fit_stop_before_anything_is_sent(
    command: Command, grouped: Path, bucket_uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (grouped / "groups.csv").write_text("file,patient\nnobody.png,P1\n")
    assert command("ingest", grouped, bucket_uri) == 2
    assert "names no patient for 12 of 12 images" in capsys.readouterr().err
    assert keys(bucket_uri) == set()


def test_groups_of_a_bucket_are_not_left_to_another_set(
    command: Command, grouped: Path, bucket_uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("ingest", grouped, bucket_uri) == 0
    (grouped / "classes.toml").unlink()
    shutil.move(grouped / "Benign", grouped / "mature")
    assert command("ingest", grouped, bucket_uri) == 1
    assert "has a classes.toml, and" in capsys.readouterr().err
