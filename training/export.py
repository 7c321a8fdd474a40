r"""Files of other precisions from a served graph, each behind the parity gate.

::

    python -m training export --saved-model runs/train/ID/saved_model --data ../shared/data/all_smears \
        --precision float16 --output runs/export/float16

float32 is what ``train`` ships. A float16 file must answer as the network does, like any float file. An int8 file
(``training.models.tflite``), whose ranges are taken from training fields, must give the same label on 99.9 % of them
and be faster than the float32 file beside it, or it is refused: smaller and wrong is no gain, nor is smaller and
slower.
"""

import argparse
import sys
from pathlib import Path

from inference import ModelError
from training.data.dataset import FOLDER_HELP, load_fields
from training.data.labels import DataError
from training.dry_run import add_dry_run, describe_counts, print_dry_run
from training.serving.files import PRECISIONS, ParityError


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``export`` command."""
    parser = subparsers.add_parser("export", help="write a float32, float16 or int8 file, if it answers as the network")
    parser.add_argument("--saved-model", type=Path, required=True, help="what train left: runs/train/ID/saved_model")
    parser.add_argument("--model", type=Path, default=Path("models/default"), help="whose card it gets (%(default)s)")
    parser.add_argument("--data", type=Path, required=True, help=f"training fields: {FOLDER_HELP}")
    parser.add_argument("--precision", choices=PRECISIONS, default="float32", help="(%(default)s, which always passes)")
    parser.add_argument("--output", type=Path, required=True, help="model folder to write")
    add_dry_run(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``export`` command; gives the exit code."""
    try:
        from training.serving.precisions import export, open_same  # TensorFlow, which takes seconds

        fields = load_fields(options.data)
        if options.dry_run:
            _, shipped = open_same(options.saved_model, options.model, fields.images)
            print_dry_run(
                {
                    "data": options.data,
                    "fields": describe_counts(fields.counts),
                    "network": options.saved_model,
                    "card of": f"{options.model}, version {shipped.card.version}",
                    "precision": options.precision,
                    "output": options.output,
                }
            )
            return 0
        card = export(options.saved_model, options.model, options.precision, fields.images, options.output)
    except (DataError, ModelError, ParityError, ValueError) as error:
        sys.stderr.write(f"export: {error}\n")
        return 2
    parity = card.training["parity"]
    sys.stdout.write(
        f"{options.output}: {options.precision}, {card.size_bytes / 1e6:.2f} MB, "
        f"{card.training['times_as_fast_as_float32']:.2f} times as fast as float32; on {parity['images']} fields the "
        f"label agrees on {parity['agreement']:.2%}, largest difference {parity['max_difference']:.2g}\n"
    )
    return 0
