"""What each fold's file answers on the fields that it never saw, by the code that serves; kept beside the folds."""

import hashlib
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from inference import Classifier, load
from training.atomic_write import write_whole
from training.data import corruptions
from training.data import corruptions as disturbances
from training.data.manifest import Manifest
from training.evaluation.folds import FoldFile
from training.evaluation.predictions import Measured
from training.progress import bar

KEPT = ".answers"
WORKERS = 2
"""LiteRT lets go of Python's lock while it runs, so that threads are enough."""


@dataclass(frozen=True)
class Pictures:
    """The fields of a data set, by manifest key."""

    images: NDArray[np.uint8]
    position: dict[str, int]
    sha256: dict[str, str]

    @classmethod
    def of(cls, images: NDArray[np.uint8], keys: Sequence[str], manifest: Manifest) -> "Pictures":
        """Take uint8[n, 224, 224, 3] with one key an image."""
        digests = {record.key: record.sha256 for record in manifest.records}
        return cls(images, {key: position for position, key in enumerate(keys)}, digests)


@dataclass(frozen=True)
class Task:
    """One fold under one disturbance."""

    fold: FoldFile
    disturbance: str = "none"


def answer(tasks: Sequence[Task], pictures: Pictures, title: str, workers: int = WORKERS) -> list[Measured]:
    """Answer the test fields of each task, in the order of its fold's record.

    Parameters
    ----------
    tasks
        What is asked. Answers given before, by the very file on the very images, are read instead.
    pictures
        Where the fields are.
    title
        Of the progress bar.
    workers
        Files that answer at a time.

    Raises
    ------
    ModelError
        A fold's model folder cannot be loaded.
    """
    total = sum(len(task.fold.record.test) for task in tasks)
    with bar(None, title, total, unit="field") as progress_bar, ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda task: _answer(task, pictures, progress_bar), tasks))


def _answer(task: Task, pictures: Pictures, progress_bar: "tqdm[None]") -> Measured:
    file = load(task.fold.folder)
    cache = _cache_file(task, file, pictures)
    if cache.is_file():
        with np.load(BytesIO(cache.read_bytes())) as stored:
            progress_bar.update(len(task.fold.record.test))
            return Measured(stored["probabilities"], stored["scores"], stored.get("doublings"))
    disturb = disturbances.DISTURBANCES[task.disturbance]
    probabilities, scores, doublings = [], [], []
    for key in task.fold.record.test:
        outputs = file.run(disturb(pictures.images[pictures.position[key]]))
        probabilities.append(outputs.probabilities)
        scores.append(outputs.out_of_distribution_score)
        doublings += [] if outputs.scale is None else [outputs.scale]
        progress_bar.update()
    arrays = {"probabilities": np.array(probabilities, np.float32), "scores": np.array(scores, np.float32)}
    if doublings:
        arrays["doublings"] = np.array(doublings, np.float32)
    measured = Measured(**arrays)
    buffer = BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    write_whole(cache, buffer.getvalue())
    return measured


def _cache_file(task: Task, file: Classifier, pictures: Pictures) -> Path:
    """Name the file of stored answers by what they depend on: model file, images in order, the disturbance's code."""
    sources = (disturbances, corruptions) if task.disturbance != "none" else ()
    code = b"".join(Path(str(source.__file__)).read_bytes() for source in sources)
    description = json.dumps(
        [file.card.sha256, task.disturbance, [pictures.sha256[key] for key in task.fold.record.test]]
    )
    digest = hashlib.sha256(description.encode() + code).hexdigest()[:16]
    return task.fold.folder.parent / KEPT / f"{task.fold.record.name}-{task.disturbance}-{digest}.npz"
