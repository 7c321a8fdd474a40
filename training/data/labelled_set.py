"""A folder or ZIP archive of labelled images as one reviewer's labels: what the page's download button gives."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from inference import ClassSpec
from intake import ImageError
from intake.without_metadata import without_metadata
from training.data.classes import CLASSES_NAME
from training.data.feedback_store import Judgement
from training.data.groups import parse_groups
from training.data.labels import GROUPS_NAME, DataError
from training.data.source import Source, SourceImage


class LabelledSet:
    """Judgements of one set, and its images without metadata, as a store of feedback keeps them.

    ``classes`` are those that its ``classes.toml`` describes, ``kind`` is what it says that a group is.

    Parameters
    ----------
    location : Path
        A folder of class folders, or a ZIP archive of one.
    reviewer : str
        Whose labels they are.

    Raises
    ------
    DataError
        It holds none, or two classes claim the same image; says what to do.
    """

    def __init__(self, location: Path, reviewer: str) -> None:
        self._location, self._reviewer = location, reviewer
        with Source(location) as source:
            listing = source.listing()
            self._demand_whole(source, listing.problems)
            named_groups = parse_groups(listing.images, source.beside(GROUPS_NAME), location / GROUPS_NAME, whole=False)
            described = source.beside(CLASSES_NAME) is not None
            self._images = {image.path: image for image in listing.images}
            digests = {
                image.path: hashlib.sha256(self._plain(source, image)[0]).hexdigest() for image in listing.images
            }
        self.classes: tuple[ClassSpec, ...] = listing.classes if described else ()
        self.kind = named_groups.kind if named_groups else None
        group_by_key = named_groups.names if named_groups else {}
        image_by_digest: dict[str, SourceImage] = {}
        for image in listing.images:
            first_image = image_by_digest.setdefault(digests[image.path], image)
            if first_image.label != image.label:
                raise DataError(
                    f"{location} has one image under two labels, {first_image.path} and {image.path}: keep one"
                )
        self._judgements = [
            Judgement(digest, image.path, image.label, reviewer, group_by_key.get(image.key, ""), "")
            for digest, image in image_by_digest.items()
        ]

    def judgements(self) -> Iterator[Judgement]:
        """Give every label."""
        return iter(self._judgements)

    def pixels(self, judgement: Judgement) -> tuple[bytes, str]:
        """Read an image without its metadata; gives its type, too."""
        with Source(self._location) as source:
            return self._plain(source, self._images[judgement.key])

    def _plain(self, source: Source, image: SourceImage) -> tuple[bytes, str]:
        try:
            return without_metadata(source.read(image))
        except (ImageError, OSError) as error:
            raise DataError(f"{self._location}: {image.path} cannot be read ({error}): take it out") from error

    def _demand_whole(self, source: Source, problems: list[str]) -> None:
        if inner := source.folder_around(CLASSES_NAME, GROUPS_NAME):
            raise DataError(
                f"{self._location} holds its classes in a folder of its own, {inner}: unpack it and give that folder"
            )
        if problems:
            raise DataError(f"{self._location}: {problems[0]}")
