"""The inferred slide of every image of a folder, made once and kept."""

import dataclasses
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from inference import read_image
from training.atomic_write import write_whole
from training.data.dataset import DataError
from training.data.manifest import Manifest
from training.data.slide_features import Appearance, appearance
from training.data.slides import Inferred, Parameters, infer_slides
from training.data.source import Source
from training.progress import bar

CACHE = Path("runs/slides")


def slides_of(folder: Path, manifest: Manifest, cache: Path = CACHE, progress: bool = True) -> dict[str, str]:
    """Give the slide of every image, by key.

    Parameters
    ----------
    folder
        Holds the images, one folder a label.
    manifest
        Of that folder (``training.inventory.manifest_of``).
    cache
        Where the answer is kept, for this manifest and these parameters.
    progress
        Show a bar while reading.

    Raises
    ------
    DataError
        The folder lacks an image of the manifest.
    """
    settings = json.dumps([manifest.digest, dataclasses.asdict(Parameters())])
    kept = cache / f"{hashlib.sha256(settings.encode()).hexdigest()[:24]}.json"
    if kept.is_file():
        known: dict[str, str] = json.loads(kept.read_text())
        return known
    inferred = infer_slides(manifest.records, appearances_of(folder, manifest, progress))
    slides = by_key(manifest, inferred)
    write_whole(kept, json.dumps(slides, indent=0).encode())
    return slides


def by_key(manifest: Manifest, inferred: Inferred) -> dict[str, str]:
    """Name each image's slide."""
    return {record.key: slide for record, slide in zip(manifest.records, inferred.slides, strict=True)}


def paths_of(folder: Path, manifest: Manifest) -> list[Path]:
    """Find each image's file, in the manifest's order.

    Raises
    ------
    DataError
        One is not there.
    """
    with Source(folder) as source:
        found = {image.key: folder / image.path for image in source.listing().images}
    missing = [record.key for record in manifest.records if record.key not in found]
    if missing:
        raise DataError(f"{folder} lacks {len(missing)} images of its manifest, such as {missing[0]}: pull them again")
    return [found[record.key] for record in manifest.records]


def appearances_of(folder: Path, manifest: Manifest, progress: bool = True) -> list[Appearance]:
    """Measure how every image looks apart from its cells, in the manifest's order."""
    paths = paths_of(folder, manifest)
    with ThreadPoolExecutor() as pool:
        looks = pool.map(lambda path: appearance(read_image(path.read_bytes()).pixels), paths)
        return list(bar(looks, "looking", len(paths), shown=progress, unit="image"))
