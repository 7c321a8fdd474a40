"""The command ``adapt``: a model for a laboratory's own classes, from its labelled images, on a frozen base.

::

    python -m training adapt my-slides --output models/mine

A thousand images take about a minute on two idle cores (docs/benchmarks.md).
"""

import argparse
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference import ModelCard, ModelError
from terminal import Column, Table, add_format, open_console
from training import tracking
from training.data.classes import labels_of
from training.data.dataset import FOLDER_HELP
from training.data.groups import add_group_pattern
from training.data.labels import DataError
from training.dry_run import add_dry_run, print_dry_run
from training.evaluation.results import ProtocolResult
from training.serving.files import SHIPPED, ParityError


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``adapt`` command."""
    parser = subparsers.add_parser("adapt", help="make a model of a laboratory's own labelled images, in minutes")
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("folder", nargs="?", type=Path, help=FOLDER_HELP)
    data.add_argument("--data", type=Path, metavar="FOLDER", help="the same, as the other commands have it")
    parser.add_argument("--base", type=Path, default=SHIPPED, help=f"model whose network is used ({SHIPPED})")
    parser.add_argument("--output", type=Path, default=Path("models/adapted"), help="model folder (models/adapted)")
    parser.add_argument("--add-to-base", action="store_true", help="keep the base's classes beside the new ones")
    add_group_pattern(parser)
    add_dry_run(parser)
    add_format(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``adapt`` command; gives the exit code."""
    try:
        from training.adaptation import adapt, prepare  # TensorFlow, which takes seconds

        folder = options.folder or options.data
        if options.dry_run:
            _, _, data, classes = prepare(
                folder, options.base, options.output, options.group_pattern, add_to_base=options.add_to_base
            )
            counts = Counter(image.label for image in data.listing.images)
            print_dry_run(
                {
                    "data": folder,
                    "manifest": data.manifest.digest,
                    "images": ", ".join(f"{label} {count}" for label, count in counts.items()),
                    "classes of the model": ", ".join(labels_of(classes)),
                    "groups": f"{len(set(data.groups.names.values()))} by {data.groups.kind}",
                    "base": options.base,
                    "output": options.output,
                    "minutes": f"{max(1, round(len(data.keys) / 1000))} on two idle cores",
                }
            )
            return 0

        parameters = {"base": str(options.base), "add_to_base": options.add_to_base}
        with tracking.run(f"adapt {folder.name}", parameters=parameters) as mlflow_run:
            card = adapt(
                folder,
                options.base,
                options.output,
                options.group_pattern,
                mlflow_run,
                add_to_base=options.add_to_base,
            )
    except (DataError, ModelError, ParityError, ValueError) as error:
        sys.stderr.write(f"adapt: {_one_line(str(error))}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("adapt: interrupted; nothing was written\n")
        return 130
    table_of(card).write(open_console(), options.format)
    sys.stderr.write(
        f"{card.evaluation['headline']}\n{options.output}: {card.size_bytes / 1e6:.1f} MB, made in "
        f"{card.training['minutes']} minutes; serve it with `make serve MODEL={options.output}`\n"
    )
    return 0


def _one_line(message: str) -> str:
    """Put a list of problems into one line: the first, and how to see the others."""
    lines = [line for line in message.splitlines() if line.strip()]
    if len(lines) > 2:
        return f"{lines[0]} {lines[1]} (and {len(lines) - 2} more: `python -m training check` lists all)"
    return " ".join(lines)


def table_of(card: ModelCard) -> Table:
    """Give the examination as a table: one line a number."""
    protocols: Mapping[str, Any] = card.evaluation["protocols"]
    (result,) = (ProtocolResult.model_validate(protocol) for protocol in protocols.values())
    table = Table((Column("measure"), Column("value"), Column("low"), Column("high")))
    metric_names = (
        "balanced_accuracy",
        "auroc",
        "malignant_auroc",
        "coverage",
        "accuracy_of_accepted",
        "out_of_distribution",
    )
    for name in (metric for metric in metric_names if metric in result.metrics):
        estimate = result.metrics[name]
        table.add(name.replace("_", " "), *(f"{value:.3f}" for value in (estimate.value, estimate.low, estimate.high)))
    for label, estimate in result.sensitivity.items():
        table.add(
            f"sensitivity of {label}", *(f"{value:.3f}" for value in (estimate.value, estimate.low, estimate.high))
        )
    for count, score in card.evaluation["learning_curve"]["expected_with_more_images"].items():
        table.add(f"balanced accuracy expected with {count} more images", f"{score:.3f}", "", "")
    for protocol, score in card.evaluation["shortcuts"]["mean_colour"].items():
        table.add(f"balanced accuracy by mean colour alone ({protocol})", f"{score:.3f}", "", "")
    return table
