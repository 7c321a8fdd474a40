"""A model for a laboratory's own classes, from its labelled images, on a frozen base: what ``adapt`` runs."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from inference import Classifier, ClassSpec, ModelCard, load, read_card
from inference.classes import MAX_CLASSES
from training import tracking
from training.data.classes import labels_of
from training.data.dataset import list_fields, spread
from training.data.duplicates import components
from training.data.group_folds import LEAST_IMAGES, grouped_parts
from training.data.groups import Groups, groups_of
from training.data.labels import DataError
from training.data.manifest import Manifest
from training.data.slides import slides_of
from training.data.source import Listing
from training.data.validation import manifest_of
from training.evaluation.group_examination import PROTOCOL_OF, evaluation_of, examine_groups, headline
from training.evaluation.learning_curve import learning_curve
from training.evaluation.predictions import Measured
from training.evaluation.results import ProtocolResult, as_numbers, rounded
from training.evaluation.shortcuts import grouped_score
from training.models import base_statistics
from training.models.adapted_head import Adapted, adapt_head
from training.models.base_embedding import embed_images, features_from, strangers_of
from training.models.base_statistics import BaseStatistics, StatisticsError, read_statistics, statistics_of
from training.models.features import Features
from training.models.stain_pooling import WAYS
from training.serving import parity
from training.serving.adapted_model import compose, demand_base, demand_frozen, network_of, widths_of
from training.serving.model_folder import card_of, release
from training.tracking.run_logging import log_model

UNDECIDED = 0.01
"""Share of the images that may lie under two labels, and are then left out: reviewers settle the rest one day."""
COMPARED = 48
"""Images on which file and network must say the same."""
PLAIN_BASE = "base:"
"""Before the names of the base's slides, where its classes are kept."""


@dataclass(frozen=True)
class LabelledFolder:
    """A folder of labelled images, looked at."""

    listing: Listing
    manifest: Manifest
    groups: Groups

    @property
    def classes(self) -> tuple[ClassSpec, ...]:
        """What the folder holds."""
        return self.listing.classes

    @property
    def keys(self) -> list[str]:
        """Of the images, in order."""
        return [image.key for image in self.listing.images]


def read_folder(folder: Path, pattern: str | None) -> LabelledFolder:
    """Read what a folder holds, before anything is computed.

    Raises
    ------
    DataError
        Something cannot be learnt from; says in a line what to do.
    """
    listing = list_fields(folder)
    sizes = Counter(image.label for image in listing.images)
    if small := [f"{label} ({sizes[label]})" for label in labels_of(listing.classes) if sizes[label] < LEAST_IMAGES]:
        raise DataError(
            f"too few images of {', '.join(small)}: {LEAST_IMAGES} of a class are needed; add some, or move the "
            "class's folder away"
        )
    manifest = manifest_of(folder, undecided=UNDECIDED)
    manifest_keys = {record.key for record in manifest.records}
    if left_out := [image.path for image in listing.images if image.key not in manifest_keys]:
        sys.stderr.write(f"adapt: the same image under two labels, left out: {', '.join(left_out)}\n")
        listing.images[:] = [image for image in listing.images if image.key in manifest_keys]
    groups = groups_of(folder, listing, lambda: slides_of(folder, manifest), pattern)
    return LabelledFolder(listing, manifest, groups)


def prepare(
    folder: Path, base: Path, output: Path, pattern: str | None, *, add_to_base: bool = False
) -> tuple[ModelCard, BaseStatistics | None, LabelledFolder, tuple[ClassSpec, ...]]:
    """Refuse what no model can be made of, before anything is computed; gives base, images and the model's classes.

    Raises
    ------
    DataError, ModelError, StatisticsError
        As ``adapt``.
    """
    if output.resolve() == base.resolve():
        raise DataError(f"--output {output} is the base itself: name another folder")
    card = read_card(base)
    demand_base(card, base)
    statistics = _read_base_statistics(base, card, needed=add_to_base)
    data = read_folder(folder, pattern)
    return card, statistics, data, joined_classes(data.classes, card.classes if add_to_base else ())


def adapt(
    folder: Path, base: Path, output: Path, pattern: str | None, run: tracking.Run, *, add_to_base: bool = False
) -> ModelCard:
    """Make a model of a folder's classes on the frozen network of a base.

    Parameters
    ----------
    folder : Path
        Labelled images.
    base : Path
        Model folder.
    output : Path
        Model folder to write; what is there stays untouched if anything fails.
    pattern : str, optional
        Of file names, whose first group names what belongs together.
    run : tracking.Run
        Is told of everything.
    add_to_base : bool
        Keep the base's classes too, by its statistics.

    Returns
    -------
    ModelCard
        Of the new model.

    Raises
    ------
    DataError, ModelError, StatisticsError, ParityError
        Says in a line what to do.
    """
    start = time.monotonic()
    card, statistics, data, classes = prepare(folder, base, output, pattern, add_to_base=add_to_base)
    ids = labels_of(classes)
    paths = [folder / image.path for image in data.listing.images]
    counts = dict(Counter(image.label for image in data.listing.images))
    run.dataset(folder.resolve().name, digest=data.manifest.digest, source=str(folder.resolve()), fields=counts)
    # The base lends no more than its own way of counting places.
    whole_network = network_of(card, len(classes), WAYS[:1] if add_to_base else WAYS)
    widths = widths_of(whole_network)
    images, looks = embed_images(whole_network, paths)
    demand_frozen(whole_network, images, load(base), statistics)
    labels = np.array([ids.index(image.label) for image in data.listing.images])
    groups = _linked_groups(data)
    strangers = strangers_of(statistics, with_its_own=not add_to_base) if statistics else {}
    features, own_count = features_from(looks, strangers), len(labels)
    if add_to_base and statistics:
        features, labels, groups = with_base(statistics, features, labels, groups, ids)
    colours = int(whole_network.get_layer("embedding").colours)
    adapted = adapt_head(features, labels, groups, colours, classes, widths)
    learned, graph, content = compose(card, adapted, len(classes), widths[0])
    training_record = {
        "data_manifest": data.manifest.digest,
        "method": "linear head on the frozen network of a base model",
        "base": {"name": card.name, "version": card.version, "sha256": card.sha256},
        "keeps_the_base_classes": add_to_base,
        "recipe": {
            "method": "discriminant analysis",
            "shrinkage": adapted.setting.shrinkage,
            "places_count": " and ".join(learned.network.get_layer("embedding").ways),
        },
        "fields": counts,
        "groups": {"kind": data.groups.kind, "count": len(set(data.groups.names.values()))},
        "strangers": sorted(strangers),
    }
    new_statistics = statistics_of(features.first(widths[0]), labels, groups, adapted.head.first(widths[0]), ids)
    extra_files = {base_statistics.FILE_NAME: new_statistics.content}
    draft = card_of(
        content,
        learned,
        version=f"{datetime.now(UTC):%Y.%m.%d}",
        backbone=card.backbone,
        classes=classes,
        training={**training_record, **base_statistics.told(extra_files)},
    )
    draft, result = _add_examination(draft, data, adapted, images, looks, labels, groups, own_count)

    def check(file: Classifier) -> dict[str, Any]:
        comparison = parity.compare(graph, file, images[spread(len(images), COMPARED)])
        parity.demand(comparison, output / draft.file)
        return {"parity": asdict(comparison), "minutes": round((time.monotonic() - start) / 60, 1)}

    final_card, _ = release(content, draft, output, check, beside=extra_files)
    run.metrics(as_numbers(result.metrics))
    log_model(run, learned, final_card, output)
    return final_card


def joined_classes(own_classes: Sequence[ClassSpec], base_classes: Sequence[ClassSpec]) -> tuple[ClassSpec, ...]:
    """Put the base's classes before one's own; an id of both is one class, as the base describes it.

    Raises
    ------
    DataError
        They are more than a model can have.
    """
    ids = {spec.id.casefold() for spec in base_classes}
    classes = (*base_classes, *(spec for spec in own_classes if spec.id.casefold() not in ids))
    if len(classes) > MAX_CLASSES:
        raise DataError(
            f"{len(classes)} classes, {len(base_classes)} of them the base's, where a model tells at most "
            f"{MAX_CLASSES} apart: leave out --add-to-base, or put classes together"
        )
    return classes


def with_base(
    statistics: BaseStatistics,
    features: Features,
    labels: "np.ndarray[Any, Any]",
    groups: list[str],
    ids: Sequence[str],
) -> tuple[Features, "np.ndarray[Any, Any]", list[str]]:
    """Put the base's embeddings behind one's own: each counts as its own turn and copy."""
    base_labels = np.array([ids.index(statistics.labels[index]) for index in statistics.classes])
    looks = np.concatenate(
        [np.concatenate([features.turned, features.varied]), np.stack([statistics.embeddings] * 3)], 1
    )
    names = [*groups, *(f"{PLAIN_BASE}{slide}" for slide in statistics.slides)]
    return features_from(looks, features.strangers), np.concatenate([labels, base_labels]), names


def _read_base_statistics(base: Path, card: ModelCard, *, needed: bool) -> BaseStatistics | None:
    """Read what the base lends; without, no stranger but one's own distance is known, unless it is needed."""
    try:
        return read_statistics(base, card.training)
    except StatisticsError:
        if needed or (base / base_statistics.FILE_NAME).is_file():
            raise
        return None


def _linked_groups(data: LabelledFolder) -> list[str]:
    """Name each image's group; groups with images of the same cells are one, unless somebody told who is who.

    Single cells of one class resemble one another: that two of them look alike is a weaker word than a table of
    patients, and where it would join a whole class it says nothing. The headline then warns as it is: nobody told.
    """
    if data.groups.told:
        return [data.groups.names[key] for key in data.keys]
    duplicate_groups = {record.key: record.duplicate_group for record in data.manifest.records}
    names = sorted(set(data.groups.names.values()))
    index_of = {name: number for number, name in enumerate(names)}
    first_seen: dict[str, int] = {}
    links = []
    for key in data.keys:
        index = index_of[data.groups.names[key]]
        if (duplicate_group := duplicate_groups[key]) is not None:
            links.append([first_seen.setdefault(duplicate_group, index), index])
    joined = components(len(names), links)
    unlinked = [data.groups.names[key] for key in data.keys]
    linked = [names[joined[index_of[name]][0]] for name in unlinked]
    groups_of_class: dict[str, set[str]] = {}
    for image, name in zip(data.listing.images, linked, strict=True):
        groups_of_class.setdefault(image.label, set()).add(name)
    return linked if min(map(len, groups_of_class.values())) > 1 else unlinked


def _add_examination(
    card: ModelCard,
    data: LabelledFolder,
    adapted: Adapted,
    images: "np.ndarray[Any, Any]",
    looks: "np.ndarray[Any, Any]",
    labels: "np.ndarray[Any, Any]",
    groups: list[str],
    own_count: int,
) -> tuple[ModelCard, ProtocolResult]:
    """Write the examination on groups left out into the card."""
    answers = adapted.answers
    measured = Measured(answers.probabilities, answers.ood_score.astype(np.float32))
    result = examine_groups(card, labels, groups, answers.folds, measured)
    # Of one's own classes alone, from 0 on: the base's stand before them where they are kept.
    own_labels = np.unique(labels[:own_count], return_inverse=True)[1]
    parts = grouped_parts(own_labels, groups[:own_count])
    setting = adapted.setting
    curve = learning_curve(looks[0, :, : setting.width], own_labels, groups[:own_count], parts, setting.shrinkage)
    headline_text = headline(result, data.groups, len(set(groups)))
    protocol = PROTOCOL_OF.get(data.groups.kind, "slides")
    evaluation_fields = {
        "manifest_digest": data.manifest.digest,
        "headline": headline_text,
        "learning_curve": {
            "balanced_accuracy_by_images": {str(n): score for n, score in curve.measured.items()},
            "expected_with_more_images": {str(n): score for n, score in curve.expected.items()},
        },
        "shortcuts": {"mean_colour": {protocol: rounded(grouped_score("mean_colour", images, own_labels, parts))}},
    }
    card_fields = {
        "name": "leukolens-adapted",
        "intended_use": f"{headline_text} {_purpose(card)}",
        "misuse": "Diagnosis, or any decision about a patient; images of another laboratory, stain, microscope or "
        "magnification than those that it was made from.",
        "evaluation": evaluation_of(protocol, result, evaluation_fields),
    }
    return _name_group_kind(card.model_copy(update=card_fields), data.groups.kind), result


def _purpose(card: ModelCard) -> str:
    return f"Research on telling {len(card.classes)} classes of one laboratory's own images apart."


def _name_group_kind(card: ModelCard, kind: str) -> ModelCard:
    """Say what was left out: the rules' texts speak of slides."""
    if kind not in {"patient", "specimen"}:
        return card
    triage = card.triage and card.triage.model_copy(
        update={name: getattr(card.triage, name).replace("slide", kind) for name in ("method", "guarantee")}
    )
    rule = card.prediction_set
    return card.model_copy(
        update={
            "triage": triage,
            "prediction_set": rule.model_copy(update={"method": rule.method.replace("slide", kind)}),
        }
    )
