"""A recipe's model files, one for each fold of each protocol: what ``evaluate`` measures.

The shipped recipe's, with each folder that its gate learns from (the card's ``training.gate`` names them)::

    python -m training crossvalidate --data ../shared/data/all_smears --frozen --outliers ../shared/data/bccd

The starting point beside which it is shown, the project that this one grew from: VGG16 frozen, Adam, batches of 32, the
scale bar visible::

    python -m training crossvalidate --data ../shared/data/all_smears --frozen --backbone vgg16 --show-corner

Each folder ``<work>/<candidate>/<fold>/`` holds ``model.tflite``, ``model.json`` and, written last, ``fold.json``: an
interrupted command goes on with the folds that are missing. Folds that other fields, options or code have made are
refused, unless ``--again`` has them made anew.
"""

import argparse
import sys
from pathlib import Path

from training import tracking
from training.data.dataset import FOLDER_HELP, Fields, load_fields
from training.data.groups import add_group_pattern
from training.data.labels import DataError
from training.data.manifest import Manifest
from training.data.protocols import FOLDED, folds_of, group_names, usable_protocols, with_groups
from training.data.splits import Fold
from training.data.validation import manifest_of
from training.dry_run import add_dry_run, describe_counts, print_dry_run
from training.evaluation.folds import FOLD_NAME, is_made_by, method_digest
from training.expected_time import minutes_of
from training.models.learnt import DivergedError, WeightsError
from training.models.recipes import CACHE, MlpHead, Recipe, add_options, add_outliers, recipe_of
from training.progress import bar
from training.serving.files import ParityError

WORK = Path("runs/folds")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``crossvalidate`` command."""
    parser = subparsers.add_parser("crossvalidate", help="train a recipe on every fold; evaluate measures the files")
    parser.add_argument("--data", type=Path, required=True, help=FOLDER_HELP)
    add_options(parser)
    add_group_pattern(parser)
    parser.add_argument(
        "--protocol", action="append", choices=FOLDED, help="(all that can be used; may be given more than once)"
    )
    parser.add_argument("--fold", action="append", help="such as contiguous-1 (all; may be given more than once)")
    parser.add_argument("--candidate", help="name of the recipe's folder (the backbone's)")
    parser.add_argument(
        "--show-corner",
        action="store_true",
        help="with --frozen, for heads of several layers: leave the scale bar visible",
    )
    add_outliers(parser)
    parser.add_argument(
        "--again", action="store_true", help="make anew the folds that other fields, options or code have made"
    )
    parser.add_argument(
        "--output", "--work", dest="work", type=Path, default=WORK, help="folder of the fold folders (%(default)s)"
    )
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of cached features (%(default)s)")
    add_dry_run(parser)
    parser.set_defaults(run=run)


def _select_folds(options: argparse.Namespace, manifest: Manifest) -> list[tuple[str, Fold]]:
    folds = [
        (protocol, fold)
        for protocol in dict.fromkeys(options.protocol or usable_protocols(manifest))
        for fold in folds_of(protocol, options.data, manifest)
        if not options.fold or fold.name in options.fold
    ]
    if not folds:
        raise DataError(f"there is no fold {' or '.join(options.fold)}: folds are named as contiguous-1 is")
    return folds


def _read_recipe(options: argparse.Namespace) -> Recipe:
    """Read the recipe; refuses what no fold can be made with, whether or not one is missing."""
    recipe = recipe_of(options)
    if options.show_corner and not isinstance(recipe, MlpHead):
        raise ValueError("--show-corner goes with --frozen and a backbone under a head of several layers, as vgg16 is")
    return recipe


def _missing(
    options: argparse.Namespace, folder: Path, folds: list[tuple[str, Fold]], manifest: Manifest, made_by: str
) -> list[tuple[str, Fold]]:
    """List the folds that are to be made; refuses to go on beside those that something else has made."""
    finished = [entry for entry in folds if (folder / entry[1].name / FOLD_NAME).is_file()]
    outdated = [entry for entry in finished if not is_made_by(folder / entry[1].name, manifest, made_by)]
    if outdated and not options.again:
        raise DataError(
            f"{len(outdated)} of the folds in {folder} were made of other fields, by other options or by other code: "
            "--again makes them anew, --candidate NAME keeps both"
        )
    return [entry for entry in folds if entry not in finished or entry in outdated]


def _write_all(
    options: argparse.Namespace,
    recipe: Recipe,
    candidate: str,
    missing: list[tuple[str, Fold]],
    manifest: Manifest,
    fields: Fields,
    made_by: str,
) -> None:
    """Make folds, each with a run of its own under the command's."""
    # Only now: TensorFlow takes ten seconds.
    from training.experiment import Experiment, write_fold
    from training.tracking.fold_runs import Answer, log_fold, log_folds
    from training.tracking.run_logging import log_dataset

    tags = {"data_manifest": manifest.digest, "leukolens.candidate": candidate}
    answers: dict[str, list[Answer]] = {}
    parameters = {"backbone": options.backbone, **recipe.record(), "frozen": recipe.frozen}
    parameters["corner"] = "visible" if options.show_corner else "hidden"
    slides = group_names(options.data, manifest)
    experiment = Experiment(
        options.backbone, recipe, manifest, fields, slides, not options.show_corner, made_by=made_by
    )
    with tracking.run(
        f"crossvalidate {candidate}", parameters=parameters | {"folds": len(missing)}, tags=tags
    ) as parent:
        experiment = experiment.with_features(options.outliers, options.cache)
        for protocol, fold in bar(missing, "Folds", len(missing), unit="fold"):
            division = {"protocol": protocol, "fold": fold.name, "train": len(fold.train), "test": len(fold.test)}
            with tracking.run(fold.name, parameters=parameters | division, tags=tags, parent=parent) as run:
                log_dataset(run, options.data, fields, manifest)
                fold_made = write_fold(experiment, protocol, fold, options.work / candidate / fold.name, run)
                answers.setdefault(protocol, []).append(log_fold(run, fold_made, fields, manifest))
        log_folds(parent, answers, manifest)


def run(options: argparse.Namespace) -> int:
    """Run the ``crossvalidate`` command; gives the exit code."""
    candidate = options.candidate or options.backbone
    folder = options.work / candidate
    try:
        recipe = _read_recipe(options)
        manifest = with_groups(manifest_of(options.data), options.data, options.group_pattern)
        fields = load_fields(options.data)
        folds = _select_folds(options, manifest)
        outliers = sorted(path.name for path in options.outliers or ())
        groups = sorted((manifest.groups or {}).items())
        made_by = method_digest(options.backbone, recipe, options.show_corner, outliers, groups)
        missing = _missing(options, folder, folds, manifest, made_by)
        if options.dry_run:
            rows = {
                "data": options.data,
                "manifest": manifest.digest,
                "fields": describe_counts(fields.counts),
                "backbone": options.backbone,
                **recipe.record(),
                "output": folder,
                "folds": ", ".join(fold.name for _, fold in missing) or "none: all are there",
                "minutes": f"{minutes_of(options.backbone, recipe, len(fields))}, and about one a fold",
            }
            print_dry_run(rows)
            return 0
        if missing:
            _write_all(options, recipe, candidate, missing, manifest, fields, made_by)
    except (DataError, WeightsError, DivergedError, ParityError, ValueError) as error:
        sys.stderr.write(f"crossvalidate: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("crossvalidate: interrupted; the same command goes on with the folds that are missing\n")
        return 130
    sys.stdout.write(f"{len(folds)} folds in {folder}\n")
    return 0
