"""A sweep on this machine: every optimizer with every batch size on every backbone, the backbones frozen.

The grid of the project that this one grew from, about two minutes after one pass of VGG16 over the fields::

    make sweep DATA=../shared/data/all_smears
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path

from pydantic import ValidationError

from terminal import add_format, open_console
from training import tracking
from training.data.dataset import FOLDER_HELP, Fields, load_fields
from training.data.labels import DataError
from training.data.manifest import Manifest
from training.data.protocols import HOLDOUT, PROTOCOLS, Parts, parts_of, with_groups
from training.data.validation import manifest_of
from training.models.feature_cache import CACHE, FrozenBackbone, cached_features, is_begun
from training.models.learnt import WeightsError
from training.models.mlp_learner import FrozenSet
from training.models.recipes import HEAD_LEARNING_RATES, HIDDEN_LAYERS, MlpHead, reader
from training.progress import bar
from training.sweep_report import SweepReport, figure, printed, ranked, write_report
from training.sweep_trials import Trial, TrialResult, run_trial, tell_trial
from training.tracking.run_logging import tell_dataset

BATCH_SIZES = (16, 32, 64)
DEFAULT_BACKBONE = "vgg16"
DEFAULT_OUTPUT = Path("runs/sweep")


@dataclass(frozen=True)
class Plan:
    """What is swept, over which fields, and where the results go.

    Attributes
    ----------
    data, manifest, fields
        The fields.
    trials
        In the order in which they run.
    hide_corner
        Whether the scale bar is painted over.
    output, name
        Folder and first name of the report's files.
    cache
        Of features.
    """

    data: Path
    manifest: Manifest
    fields: Fields
    trials: Sequence[Trial]
    hide_corner: bool
    output: Path
    name: str
    cache: Path = CACHE


def sweep(plan: Plan) -> SweepReport:
    """Run every trial that no earlier sweep of the same name has finished; one that fails does not stop the others.

    Raises
    ------
    DataError, ValueError
        The fields are too few for a protocol.
    WeightsError
        A backbone's weights cannot be had.
    """
    divisions = {
        protocol: parts_of(protocol, plan.data, plan.manifest, plan.fields)
        for protocol in dict.fromkeys(trial.protocol for trial in plan.trials)
    }
    report = _begun(plan)
    done = {result.trial: result for result in report.results if result.status == "finished"}
    waiting = [trial for trial in plan.trials if trial not in done]
    if not waiting:  # a run of this would be empty: those of the trials are filed under an earlier one
        report.results = [done[one] for one in plan.trials]
        write_report(report, plan.output, plan.name)
        return report
    tags = {"data_manifest": plan.manifest.digest, "leukolens.sweep": plan.name}
    with tracking.run(f"sweep {plan.name}", parameters={"trials": len(plan.trials)}, tags=tags) as parent:
        sets = _sets(plan, waiting, report)
        with bar(waiting, "Trials", len(waiting), unit="trial") as shown:
            for trial in shown:
                shown.set_postfix_str(trial.name)
                done[trial] = _one(trial, sets[trial.backbone], plan, divisions[trial.protocol], parent)
                report.results = [done[one] for one in plan.trials if one in done]
                write_report(report, plan.output, plan.name)
        tell_best(parent, report.results)
        parent.figure("sweep", figure(report))
        for path in write_report(report, plan.output, plan.name).values():
            parent.file(path, "report")
    return report


def _begun(plan: Plan) -> SweepReport:
    """Give what an earlier sweep has left, if it was of the same fields; else an empty report."""
    corner = "hidden" if plan.hide_corner else "visible"
    path = plan.output / f"{plan.name}.json"
    if path.is_file():
        try:
            kept = SweepReport.model_validate_json(path.read_bytes())
        except ValidationError:
            kept = None
        if kept and (kept.manifest, kept.corner) == (plan.manifest.digest, corner):
            return kept
    created = datetime.now(UTC).replace(microsecond=0)
    return SweepReport(manifest=plan.manifest.digest, created=created, corner=corner, features_s={}, results=[])


def _sets(plan: Plan, trials: Sequence[Trial], report: SweepReport) -> dict[str, FrozenSet]:
    """Compute the features of every backbone, or read them."""
    found = {}
    for name in dict.fromkeys(trial.backbone for trial in trials):
        backbone = FrozenBackbone(name, hide_corner=plan.hide_corner)
        fresh = not is_begun(backbone, plan.fields.images, plan.cache)
        start = time.monotonic()
        features = cached_features(backbone, plan.fields.images, plan.cache)
        report.features_s[name] = round(time.monotonic() - start, 1) if fresh else report.features_s.get(name)
        found[name] = FrozenSet(plan.manifest, plan.fields, backbone, features)
    return found


def _one(trial: Trial, data: FrozenSet, plan: Plan, divisions: Sequence[Parts], parent: tracking.Run) -> TrialResult:
    start = time.monotonic()
    tags = {"data_manifest": plan.manifest.digest, "leukolens.sweep": plan.name}
    corner = "hidden" if plan.hide_corner else "visible"
    parameters = trial.model_dump() | {"learning_rate": trial.recipe.learning_rate, "frozen": True, "corner": corner}
    try:
        with tracking.run(trial.name, parameters=parameters, tags=tags, parent=parent) as run:
            tell_dataset(run, plan.data, plan.fields, plan.manifest)
            tried = run_trial(trial, data.embeddings, plan.fields.labels, divisions)
            tell_trial(run, tried, data, {"sweep": plan.name, "trial": trial.name})
            return tried.result
    # The others go on, whatever is wrong with this one; the table says what it was.
    except Exception as error:  # noqa: BLE001
        seconds = round(time.monotonic() - start, 2)
        return TrialResult(trial=trial, status="failed", error=f"{type(error).__name__}: {error}", seconds=seconds)


def tell_best(run: tracking.Run, results: Sequence[TrialResult]) -> None:
    """Name the best trial of each protocol, by what trials are compared by."""
    best: dict[str, TrialResult] = {}
    for result in ranked(list(results)):
        if result.status == "finished":
            best.setdefault(result.trial.protocol, result)
    run.tags({f"best_trial.{protocol}": one.trial.name for protocol, one in best.items()})
    run.metrics({f"best_balanced_accuracy/{name}": one.choice for name, one in best.items() if one.choice is not None})


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``sweep`` command."""
    parser = subparsers.add_parser("sweep", help="compare optimizers, batch sizes and backbones, the backbones frozen")
    parser.add_argument("--data", type=Path, required=True, help=FOLDER_HELP)
    several = "; may be given more than once"
    parser.add_argument(
        "--backbone", action="append", choices=sorted(HIDDEN_LAYERS), help=f"({DEFAULT_BACKBONE}{several})"
    )
    parser.add_argument("--optimizer", action="append", choices=sorted(HEAD_LEARNING_RATES), help=f"(all{several})")
    sizes = ", ".join(map(str, BATCH_SIZES))
    parser.add_argument(
        "--batch-size", action="append", type=reader(MlpHead, "batch-size"), metavar="N", help=f"({sizes}{several})"
    )
    parser.add_argument(
        "--protocol", action="append", choices=PROTOCOLS, help=f"what is tested on ({HOLDOUT}{several})"
    )
    parser.add_argument(
        "--epochs", type=reader(MlpHead, "epochs"), default=MlpHead().epochs, help="passes of each head (%(default)s)"
    )
    parser.add_argument("--seed", type=reader(MlpHead, "seed"), default=MlpHead().seed, help="(%(default)s)")
    parser.add_argument(
        "--show-corner", action="store_true", help="leave the scale bar visible, as in the project that this grew from"
    )
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, help="folder of the report (%(default)s)")
    parser.add_argument("--name", default="sweep", help="of the report's files (%(default)s)")
    parser.add_argument("--cache", type=Path, default=CACHE, help="folder of features (%(default)s)")
    add_format(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``sweep`` command; gives the exit code: 1 where a trial failed."""
    grid = product(
        dict.fromkeys(options.protocol or [HOLDOUT]),
        dict.fromkeys(options.backbone or [DEFAULT_BACKBONE]),
        dict.fromkeys(options.optimizer or HEAD_LEARNING_RATES),
        dict.fromkeys(options.batch_size or BATCH_SIZES),
    )
    trials = [
        Trial(
            backbone=backbone,
            optimizer=optimizer,
            batch_size=batch_size,
            epochs=options.epochs,
            seed=options.seed,
            protocol=protocol,
        )
        for protocol, backbone, optimizer, batch_size in grid
    ]
    try:
        manifest = with_groups(manifest_of(options.data), options.data)
        plan = Plan(
            data=options.data,
            manifest=manifest,
            fields=load_fields(options.data),
            trials=trials,
            hide_corner=not options.show_corner,
            output=options.output,
            name=options.name,
            cache=options.cache,
        )
        report = sweep(plan)
    except (DataError, WeightsError, ValueError) as error:
        sys.stderr.write(f"sweep: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("sweep: interrupted; the same command goes on with the trials that are missing\n")
        return 130
    printed(report).write(open_console(), options.format)
    sys.stderr.write(f"{options.output / options.name}.json, .md and .png\n")
    return int(any(result.status == "failed" for result in report.results))
