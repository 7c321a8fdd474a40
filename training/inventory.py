"""The manifest of a folder on this machine, made once and kept."""

import hashlib
from pathlib import Path

from training import duplicates, overlaps
from training.examination import examine
from training.fields import DataError
from training.manifest import MANIFEST_NAME, Manifest, parse, read
from training.source import Source
from training.whole_file import write_whole

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
        The folder has problems; lists them all.
    """
    if (folder / MANIFEST_NAME).is_file():
        return read(folder / MANIFEST_NAME)
    with Source(folder) as source:
        kept = cache / f"{_state(source)}.jsonl"
        if kept.is_file():
            return parse(kept.read_bytes(), str(kept))
        examination = examine(source, progress=progress)
    if examination.problems:
        raise DataError("\n".join([f"{folder} cannot be used:", *examination.problems]))
    write_whole(kept, examination.manifest.content)
    return examination.manifest


def _state(source: Source) -> str:
    digest = hashlib.sha256(repr(_METHOD).encode())
    for image in source.listing().images:
        stat = (source.location / image.path).stat()
        digest.update(f"{image.path}\0{stat.st_size}\0{stat.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:24]
