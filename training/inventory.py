"""The manifest of a folder on this machine, made once and kept."""

import hashlib
from pathlib import Path

from training import overlaps
from training.atomic_write import write_whole
from training.data import duplicates
from training.data.dataset import DataError
from training.data.manifest import MANIFEST_NAME, Manifest, parse, read
from training.data.source import Source
from training.data.validation import examine

CACHE = Path("runs/manifests")
# Part of the cache's key: other ways of finding duplicates give other groups.
_METHOD = (duplicates.HASH_SIDE, duplicates.HASH_DISTANCE, overlaps.SIDE, overlaps.BAND, overlaps.PEAK)


def manifest_of(folder: Path, cache: Path = CACHE, progress: bool = True) -> Manifest:
    """Give the manifest of a local folder: the one pulled with it, else one made now and kept in ``cache``.

    Parameters
    ----------
    folder
        Holds one folder a label, at any depth. The manifest's keys are ``<Label>/<file name>`` whatever the depth.
    cache
        Where manifests of folders without one are kept, each for one state of its folder (names, sizes, times).
    progress
        Show bars while reading.

    Raises
    ------
    DataError
        The folder has problems, and lists them all; or its manifest names other images than it holds.
    """
    with Source(folder) as source:
        if (folder / MANIFEST_NAME).is_file():
            manifest = read(folder / MANIFEST_NAME)
            _demand_same(manifest, source)
            return manifest
        kept = cache / f"{_state(source)}.jsonl"
        if kept.is_file():
            return parse(kept.read_bytes(), str(kept))
        examination = examine(source, progress=progress)
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


def _state(source: Source) -> str:
    digest = hashlib.sha256(repr(_METHOD).encode())
    for image in source.listing().images:
        stat = (source.location / image.path).stat()
        digest.update(f"{image.path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:24]
