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
class DecodedImage:
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
    decoded_images: list[DecodedImage] = []
    problems = list(listing.problems)
    with ThreadPoolExecutor(workers) as pool:
        results = pool.map(lambda image: _decode(source, image), listing.images)
        for result in bar(results, "reading", len(listing.images), shown=progress, unit="image"):
            if isinstance(result, DecodedImage):
                decoded_images.append(result)
            else:
                problems.append(result)
    contradictions = _under_two_labels(decoded_images)
    notes = list(listing.notes)
    if 0 < sum(map(len, contradictions)) <= undecided * len(listing.images):
        left_out_keys = {image.key for images in contradictions for image in images}
        decoded_images = [decoded for decoded in decoded_images if decoded.image.key not in left_out_keys]
        notes += [f"left out, {line}" for line in map(_contradiction, contradictions)]
    else:
        problems += map(_contradiction, contradictions)
    images = {decoded.image.key: decoded.image for decoded in decoded_images}
    if problems:
        return Examination(Manifest((), listing.classes), images, problems, notes)
    labels = [decoded.record.label for decoded in decoded_images]
    groups = duplicate_groups(
        [decoded.record.sha256 for decoded in decoded_images],
        [decoded.print_ for decoded in decoded_images],
        labels,
        progress,
    )
    records = [
        decoded.record.model_copy(update={"duplicate_group": group})
        for decoded, group in zip(decoded_images, groups, strict=True)
    ]
    notes += _groups_of_two_labels(records)
    return Examination(replace(Manifest.of(records), classes=listing.classes), images, problems, notes)


def _decode(source: Source, image: SourceImage) -> DecodedImage | str:
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
    return DecodedImage(image, record, pixels_sha256, fingerprint(picture.pixels))


def _under_two_labels(decoded_images: list[DecodedImage]) -> list[list[SourceImage]]:
    """Find equal pixels (so equal files too) with different labels."""
    images_by_pixels: dict[str, list[SourceImage]] = {}
    for decoded in decoded_images:
        images_by_pixels.setdefault(decoded.pixels_sha256, []).append(decoded.image)
    return [images for images in images_by_pixels.values() if len({image.label for image in images}) > 1]


def _contradiction(images: list[SourceImage]) -> str:
    return "the same image under two labels: " + ", ".join(image.path for image in images)


def _groups_of_two_labels(records: list[Record]) -> list[str]:
    groups: dict[str, list[Record]] = {}
    for record in records:
        if record.duplicate_group:
            groups.setdefault(record.duplicate_group, []).append(record)
    return [
        "look at these: they resemble each other, but their labels differ: " + ", ".join(record.key for record in group)
        for group in groups.values()
        if len({record.label for record in group}) > 1
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
        cached_path = cache / f"{_state(source, undecided)}.jsonl"
        if cached_path.is_file():
            return replace(parse(cached_path.read_bytes(), str(cached_path)), classes=source.listing().classes)
        examination = examine(source, progress=progress, undecided=undecided)
    if examination.problems:
        raise DataError("\n".join([f"{folder} cannot be used:", *examination.problems]))
    write_whole(cached_path, examination.manifest.content)
    return examination.manifest


def _demand_same(manifest: Manifest, source: Source) -> None:
    named_keys, present_keys = (
        {record.key for record in manifest.records},
        {image.key for image in source.listing().images},
    )
    path = source.location / MANIFEST_NAME
    if absent_keys := sorted(named_keys - present_keys):
        raise DataError(
            f"{path} names {len(absent_keys)} images that are not there, such as {absent_keys[0]}: pull the set again"
        )
    if unnamed_keys := sorted(present_keys - named_keys):
        raise DataError(
            f"{path} does not name {len(unnamed_keys)} images that are there, such as {unnamed_keys[0]}: remove them, "
            "or remove the manifest, and a new one is made"
        )


def _state(source: Source, undecided: float) -> str:
    digest = hashlib.sha256(repr((_METHOD, undecided)).encode())
    for image in source.listing().images:
        stat = (source.location / image.path).stat()
        digest.update(f"{image.path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:24]
