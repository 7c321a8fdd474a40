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

from inference import ModelError
from training import tracking
from training.data import synthetic
from training.data.dataset import FOLDER_HELP
from training.data.labels import DataError
from training.dry_run import add_dry_run, counts_of, minutes_of, tell
from training.models.learnt import DivergedError, WeightsError
from training.models.recipes import add_options, add_outliers, recipe_of
from training.serving.files import MAX_BYTES, ParityError

SMOKE_FIELDS_PER_CLASS = 12
DEFAULT_OUTPUT, DEFAULT_WORK = Path("models/default"), Path("runs/train")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``train`` command."""
    parser = subparsers.add_parser("train", help="train on labelled fields, convert, check, measure, ship")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--data", type=Path, help=FOLDER_HELP)
    source.add_argument(
        "--smoke", action="store_true", help="one minute on synthetic smears: shows that the parts work"
    )
    parser.add_argument(
        "--external", type=Path, action="append", default=[], help="folder of smears of no class here; measured"
    )
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
        recipe = recipe_of(options)
        # Only now: TensorFlow takes ten seconds, and options that are refused need none of it.
        from training.experiment import prepare, train
        from training.tracking.run_logging import HELD_OUT

        with tempfile.TemporaryDirectory() as folder:
            if options.smoke:
                synthetic.write_dataset(Path(folder, "data"), per_class=SMOKE_FIELDS_PER_CLASS, seed=recipe.seed)
            # A smoke test neither replaces the shipped model nor goes on from a real run's checkpoint.
            data = Path(folder, "data") if options.smoke else options.data
            output = options.output or (Path(folder, "model") if options.smoke else DEFAULT_OUTPUT)
            work = options.work or (Path(folder, "work") if options.smoke else DEFAULT_WORK)
            most = MAX_BYTES if output.resolve() == DEFAULT_OUTPUT.resolve() else None
            outliers = None if options.smoke else options.outliers
            if options.dry_run:
                prepared = prepare(
                    data, options.external, options.backbone, recipe, output, work, outliers, most, options.version
                )
                tell(
                    {
                        "data": data,
                        "manifest": prepared.manifest.digest,
                        "fields": counts_of(prepared.fields),
                        "learnt from": len(prepared.parts.train) + len(prepared.parts.calibration),
                        "held out": len(prepared.parts.test),
                        "backbone": options.backbone,
                        **recipe.record(),
                        "output": output,
                        "version": prepared.version,
                        "minutes": minutes_of(options.backbone, recipe, len(prepared.fields)),
                    }
                )
                return 0
            parameters = {"backbone": options.backbone, **recipe.record(), "frozen": recipe.frozen}
            with tracking.run(f"train {options.backbone}", parameters=parameters, trial=options.smoke) as logged:
                told = train(
                    data,
                    options.external,
                    options.backbone,
                    recipe,
                    output,
                    work,
                    run=logged,
                    outliers=outliers,
                    max_bytes=most,
                    version=options.version,
                )
    except (DataError, ModelError, WeightsError, DivergedError, ParityError, ValueError) as error:
        sys.stderr.write(f"train: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("train: interrupted; the same command goes on from the last whole epoch\n")
        return 130
    sys.stdout.write(json.dumps({name: told["training"][name] for name in (HELD_OUT, "strangers", "parity")}, indent=2))
    sys.stdout.write("\n")
    size = f"{told['size_bytes'] / 1e6:.1f} MB"
    sys.stdout.write(f"{output}: version {told['version']}, {size}, made in {told['training']['minutes']} minutes\n")
    return 0
