"""The command ``train``: from a folder of smears to a measured model folder (``training.experiment.train``).

The shipped model::

    make train DATA=../shared/data/all_smears

The card that the run writes tells its minutes, its numbers on the held-out run and on strangers.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inference import ModelError
from training import tracking
from training.data import synthetic
from training.data.dataset import FOLDER_HELP
from training.data.groups import add_group_pattern
from training.data.labels import DataError
from training.data.validation import manifest_of
from training.dry_run import add_dry_run, describe_counts, print_dry_run
from training.expected_time import minutes_of
from training.models.learnt import DivergedError, WeightsError
from training.models.recipes import FineTuning, add_options, add_outliers, recipe_of
from training.serving.files import MAX_BYTES, ParityError
from training.tracking.repeated import COMMIT, Repeated, ServerAwayError, read_run
from training.tracking.system import source_tags

if TYPE_CHECKING:
    from training.models.learners import Watch

SMOKE_FIELDS_PER_CLASS = 12
DEFAULT_OUTPUT, DEFAULT_WORK, REPEATED = Path("models/default"), Path("runs/train"), Path("runs/repeated")
BESIDE_A_RUN = ("from_run", "data", "output", "work", "version", "dry_run", "run")
"""What may be given beside ``--from-run``: where, but not how."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``train`` command."""
    parser = subparsers.add_parser("train", help="train on labelled fields, convert, check, measure, ship")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--data", type=Path, help=FOLDER_HELP)
    source.add_argument(
        "--smoke", action="store_true", help="one minute on synthetic smears: shows that the parts work"
    )
    parser.add_argument(
        "--from-run",
        metavar="ID",
        help=f"do a run of MLflow again: its options, on its fields (where they lie now: --data); into {REPEATED}/ID",
    )
    parser.add_argument(
        "--external", type=Path, action="append", default=[], help="folder of smears of no class here; measured"
    )
    add_group_pattern(parser)
    add_options(parser)
    add_outliers(parser)
    parser.add_argument(
        "--output", type=Path, help=f"model folder ({DEFAULT_OUTPUT}; with --smoke one that is thrown away)"
    )
    parser.add_argument(
        "--work", type=Path, help=f"folder of checkpoints ({DEFAULT_WORK}; with --smoke one that is thrown away)"
    )
    parser.add_argument("--version", help="of the model, such as 3.0.0 (the one after the newest that is known)")
    add_dry_run(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``train`` command; gives the exit code."""
    try:
        result = _train(options)
    except ServerAwayError as error:
        sys.stderr.write(f"train: {error}\n")
        return 1
    except (DataError, ModelError, WeightsError, DivergedError, ParityError, ValueError) as error:
        sys.stderr.write(f"train: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("train: interrupted; the same command goes on from the last whole epoch\n")
        return 130
    if result:
        from training.tracking.run_logging import HELD_OUT  # of TensorFlow, which has been loaded by now

        numbers = {name: result["training"][name] for name in (HELD_OUT, "strangers", "parity")}
        sys.stdout.write(json.dumps(numbers, indent=2) + "\n")
        size, minutes = f"{result['size_bytes'] / 1e6:.1f} MB", result["training"]["minutes"]
        sys.stdout.write(f"{result['output']}: version {result['version']}, {size}, made in {minutes} minutes\n")
    return 0


def _train(options: argparse.Namespace) -> dict[str, Any] | None:
    """Train as asked; gives what came of it, or nothing after a dry run."""
    repeated = _repeated(options)
    if repeated is None and not (options.data or options.smoke):
        raise ValueError("say what to learn from: --data FOLDER, --from-run ID, or --smoke")
    backbone, recipe = (repeated.backbone, repeated.recipe) if repeated else (options.backbone, recipe_of(options))
    external = list(repeated.external if repeated else options.external)
    outliers = None if options.smoke else list((repeated.outliers or ()) if repeated else options.outliers)
    group_pattern = repeated.group_pattern if repeated else options.group_pattern
    # Only now: TensorFlow takes ten seconds, and options that are refused need none of it.
    from training.experiment import TrainingRequest, prepare, train

    with tempfile.TemporaryDirectory() as folder:
        if options.smoke:
            synthetic.write_dataset(Path(folder, "data"), per_class=SMOKE_FIELDS_PER_CLASS, seed=recipe.seed)
        # A smoke test neither replaces the shipped model nor goes on from a real run's checkpoint.
        data: Path = options.data or (repeated.folder() if repeated else Path(folder, "data"))
        default = REPEATED / repeated.run_id if repeated else DEFAULT_OUTPUT
        output = options.output or (Path(folder, "model") if options.smoke else default)
        work = options.work or (Path(folder, "work") if options.smoke else DEFAULT_WORK)
        if repeated:
            repeated.demand_same(manifest_of(data), data)
        max_bytes = MAX_BYTES if output.resolve() == DEFAULT_OUTPUT.resolve() else None
        request = TrainingRequest(
            data=data,
            backbone=backbone,
            recipe=recipe,
            output=output,
            work=work,
            external=external,
            outliers=outliers,
            max_bytes=max_bytes,
            version=options.version,
            group_pattern=group_pattern,
        )
        if options.dry_run:
            prepared = prepare(request)
            print_dry_run(
                {
                    "data": data,
                    "manifest": prepared.manifest.digest,
                    "fields": describe_counts(prepared.fields.counts),
                    "learnt from": len(prepared.parts.train) + len(prepared.parts.calibration),
                    "held out": len(prepared.parts.test),
                    "backbone": backbone,
                    **recipe.record(),
                    "output": output,
                    "version": prepared.version,
                    "minutes": minutes_of(backbone, recipe, len(prepared.fields)),
                }
            )
            return None
        parameters = {"backbone": backbone, **recipe.record(), "frozen": recipe.frozen}
        if group_pattern:
            parameters["group_pattern"] = group_pattern
        # With these, a run can be done again from its id alone (``training.tracking.repeated``).
        parameters |= {
            name: json.dumps([str(path.resolve()) for path in folders or ()])
            for name, folders in (("external", external), ("outliers", outliers))
        }
        tags = {"leukolens.repeats": repeated.run_id} if repeated else {}
        with tracking.run(f"train {backbone}", parameters=parameters, tags=tags, trial=options.smoke) as mlflow_run:
            watch = _watch(mlflow_run) if isinstance(recipe, FineTuning) and mlflow_run.is_tracked else None
            result = train(request, watch, mlflow_run)
    return {**result, "output": output}


class _NeverStopped:
    """What a job is asked to stop by; here Ctrl-C ends the program wherever it is."""

    wait_for_batches = False

    def check(self) -> None:
        """Go on."""


def _watch(run: tracking.Run) -> "Watch":
    """Log each epoch as it ends, measured on fields that are not trained on: curves while the run goes."""
    from training.models.epoch_measures import Epochs

    return lambda held: [Epochs(held, lambda measures, epoch: run.epoch(epoch, measures), _NeverStopped())]


def _repeated(options: argparse.Namespace) -> Repeated | None:
    """Read the run that is to be done again, if one is named.

    Raises
    ------
    ValueError
        Other options would change what it was.
    """
    if options.from_run is None:
        return None
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    defaults = vars(parser.parse_args(["train"]))
    changed = [name for name, value in vars(options).items() if name not in BESIDE_A_RUN and value != defaults[name]]
    if changed:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in changed)
        raise ValueError(f"--from-run: the run says how it was done; leave out {names}")
    repeated = read_run(options.from_run)
    here = source_tags().get(COMMIT, "")
    if repeated.commit and here != repeated.commit:
        sys.stderr.write(f"train: the run was made by commit {repeated.commit[:12]}, and this is {here[:12]}\n")
    if repeated.outliers is None:
        sys.stderr.write("train: the run tells of no outliers, as older ones do not: the gate learns without any\n")
    return repeated
