"""Look at every image of a source before anything is done with it, and say all that is wrong at once.

The manifest of a folder on this machine, made once and kept.
"""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from inference import ImageError, read_image
from training.atomic_write import write_whole
from training.data import duplicates
from training.data.duplicates import Fingerprint, duplicate_groups, fingerprint
from training.data.labels import DataError, acquisition_of
from training.data.manifest import MANIFEST_NAME, Manifest, Record, parse, read
from training.data.source import Source, SourceImage
from training.progress import bar


@dataclass(frozen=True)
class Seen:
    """One decoded image: where it was, its record (no group yet), and what finds its duplicates."""

    image: SourceImage
    record: Record
    pixels_sha256: str
    print_: Fingerprint


@dataclass
class Examination:
    """What a source holds. Its images count only when ``problems`` is empty."""

    manifest: Manifest
    images: dict[str, SourceImage]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def examine(source: Source, workers: int = 4, progress: bool = True, undecided: float = 0.0) -> Examination:
    """Decode, hash and compare every image of a source.

    Parameters
    ----------
    source
        A folder or an archive.
    workers
        Images decoded at a time.
    progress
        Show bars.
    undecided
        Share of the images that may lie under two labels: they are left out, and a note says so.

    Returns
    -------
    Examination
        ``problems`` lists every unreadable image, unknown class folder, clash of keys and image under two labels.
    """
    listing = source.listing()
    seen: list[Seen] = []
    problems = list(listing.problems)
    with ThreadPoolExecutor(workers) as pool:
        results = pool.map(lambda image: _look(source, image), listing.images)
        for result in bar(results, "reading", len(listing.images), shown=progress, unit="image"):
            if isinstance(result, Seen):
                seen.append(result)
            else:
                problems.append(result)
    contradictions = _under_two_labels(seen)
    notes = list(listing.notes)
    if 0 < sum(map(len, contradictions)) <= undecided * len(listing.images):
        out = {image.key for images in contradictions for image in images}
        seen = [one for one in seen if one.image.key not in out]
        notes += [f"left out, {line}" for line in map(_contradiction, contradictions)]
    else:
        problems += map(_contradiction, contradictions)
    images = {one.image.key: one.image for one in seen}
    if problems:
        return Examination(Manifest((), listing.classes), images, problems, notes)
    labels = [one.record.label for one in seen]
    groups = duplicate_groups([one.record.sha256 for one in seen], [one.print_ for one in seen], labels, progress)
    records = [
        one.record.model_copy(update={"duplicate_group": group}) for one, group in zip(seen, groups, strict=True)
    ]
    notes += _groups_of_two_labels(records)
    return Examination(replace(Manifest.of(records), classes=listing.classes), images, problems, notes)


def _look(source: Source, image: SourceImage) -> Seen | str:
    """Decode one image, or say in a line why it cannot be."""
    try:
        data = source.read(image)
        picture = read_image(data)
    except (OSError, ImageError) as error:
        return f"unreadable image: {image.path}: {error}"
    record = Record(
        key=image.key,
        sha256=picture.sha256,
        size_bytes=len(data),
        label=image.label,
        width=picture.width,
        height=picture.height,
        acquisition=acquisition_of(image.key),
    )
    shape = str(picture.pixels.shape).encode()
    pixels_sha256 = hashlib.sha256(shape + np.ascontiguousarray(picture.pixels).tobytes()).hexdigest()
    return Seen(image, record, pixels_sha256, fingerprint(picture.pixels))


def _under_two_labels(seen: list[Seen]) -> list[list[SourceImage]]:
    """Find equal pixels (so equal files too) with different labels."""
    same: dict[str, list[SourceImage]] = {}
    for one in seen:
        same.setdefault(one.pixels_sha256, []).append(one.image)
    return [images for images in same.values() if len({image.label for image in images}) > 1]


def _contradiction(images: list[SourceImage]) -> str:
    return "the same image under two labels: " + ", ".join(image.path for image in images)


def _groups_of_two_labels(records: list[Record]) -> list[str]:
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record.duplicate_group:
            groups.setdefault(record.duplicate_group, []).append(record)
    return [
        "look at these: they resemble each other, but their labels differ: " + ", ".join(one.key for one in group)
        for group in groups.values()
        if len({one.label for one in group}) > 1
    ]


CACHE = Path("runs/manifests")
# Part of the cache's key: other ways of finding duplicates give other groups.
_METHOD = (
    *(duplicates.HASH_SIDE, duplicates.HASH_DISTANCE, duplicates.SIDE, duplicates.BAND, duplicates.PEAK),
    *(duplicates.LEAST_PAIRS, duplicates.SAME_PEAK),
)


def manifest_of(folder: Path, cache: Path = CACHE, progress: bool = True, undecided: float = 0.0) -> Manifest:
    """Give the manifest of a local folder: the one pulled with it, else one made now and kept in ``cache``.

    Parameters
    ----------
    folder
        Holds one folder a label, at any depth. The manifest's keys are ``<Label>/<file name>`` whatever the depth.
    cache
        Where manifests of folders without one are kept, each for one state of its folder (names, sizes, times).
    progress
        Show bars while reading.
    undecided
        As of ``examine``; where it lets images out, the manifest has fewer images than the folder.

    Raises
    ------
    DataError
        The folder has problems, and lists them all; or its manifest names other images than it holds.
    """
    with Source(folder) as source:
        if (folder / MANIFEST_NAME).is_file():
            manifest = read(folder / MANIFEST_NAME)
            _demand_same(manifest, source)
            return replace(manifest, classes=source.listing().classes)
        kept = cache / f"{_state(source, undecided)}.jsonl"
        if kept.is_file():
            return replace(parse(kept.read_bytes(), str(kept)), classes=source.listing().classes)
        examination = examine(source, progress=progress, undecided=undecided)
    if examination.problems:
        raise DataError("\n".join([f"{folder} cannot be used:", *examination.problems]))
    write_whole(kept, examination.manifest.content)
    return examination.manifest


def _demand_same(manifest: Manifest, source: Source) -> None:
    named, here = {record.key for record in manifest.records}, {image.key for image in source.listing().images}
    path = source.location / MANIFEST_NAME
    if absent := sorted(named - here):
        raise DataError(
            f"{path} names {len(absent)} images that are not there, such as {absent[0]}: pull the set again"
        )
    if more := sorted(here - named):
        raise DataError(
            f"{path} does not name {len(more)} images that are there, such as {more[0]}: remove them, or remove the "
            "manifest, and a new one is made"
        )


def _state(source: Source, undecided: float) -> str:
    digest = hashlib.sha256(repr((_METHOD, undecided)).encode())
    for image in source.listing().images:
        stat = (source.location / image.path).stat()
        digest.update(f"{image.path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:24]
