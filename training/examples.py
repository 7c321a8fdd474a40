"""An example of each command and how long it takes: the end of its ``--help``.

Times are of two idle cores and the public set's 3,256 fields or so, unless they say otherwise: of the shipped model's
card (``training.minutes``), of docs/training.md, of docs/slides.md and of docs/benchmarks.md. What no result file tells
has no number.
"""

import argparse
from dataclasses import dataclass

_SMEARS = "../shared/data/all_smears"


@dataclass(frozen=True)
class Example:
    """One command as it is typed after ``python -m training``.

    Attributes
    ----------
    command
        Whole; it can be parsed.
    time
        What to expect of it.
    """

    command: str
    time: str


EXAMPLES = {
    "train": Example(
        f"train --data {_SMEARS} --frozen --output runs/mine", "7 minutes; without --frozen more, by the epochs"
    ),
    "adapt": Example("adapt --data my-slides --output models/mine", "a minute for a thousand images"),
    "check": Example("check my-slides", "seconds for a thousand images"),
    "collect": Example("collect s3://MODELS-BUCKET/feedback --output collected", "as long as the images take to copy"),
    "fetch": Example("fetch --into data/all_smears", "as long as the set takes to download"),
    "ingest": Example(f"ingest {_SMEARS} s3://DATA-BUCKET/smears", "as long as the images take to upload"),
    "pull": Example("pull s3://DATA-BUCKET/smears data/pulled", "as long as the images take to download"),
    "slides": Example(f"slides {_SMEARS}", "minutes; what is found is kept"),
    "sweep": Example(
        f"sweep --data {_SMEARS} --frozen --optimizer adam --optimizer sgd",
        "2 minutes for nine trials, after one pass of VGG16 over the fields (8 minutes), which is kept; without "
        "--frozen each trial trains the whole network",
    ),
    "sync": Example("sync", "seconds a run, and what its files take to upload"),
    "jobs": Example("jobs --env dev --sweep leukolens-dev-nine", "until the jobs end; --once asks once, in seconds"),
    "logs": Example("logs --env dev leukolens-dev-nine-001-0a1b2c3d", "until the job ends"),
    "stop": Example("stop --env dev --sweep leukolens-dev-nine", "seconds"),
    "costs": Example("costs --region eu-central-1", "at once"),
    "promote": Example("promote --run runs/mine --env staging --dry-run", "seconds"),
    "rollback": Example("rollback --env staging --dry-run", "seconds"),
    "doctor": Example("doctor --env dev --instance-type ml.g5.xlarge", "seconds"),
    "evaluate": Example(
        f"evaluate --data {_SMEARS}",
        "as long as the folds' files take to answer their fields; less from answers that are kept",
    ),
    "crossvalidate": Example(
        f"crossvalidate --data {_SMEARS} --frozen --protocol contiguous",
        "one pass over the fields as in train, which is kept, and then the folds",
    ),
    "export": Example(
        f"export --saved-model runs/train/ID/saved_model --data {_SMEARS} --precision int8 --output runs/export/int8",
        "as long as the file and its network take to answer every field",
    ),
    "card": Example("card", "seconds"),
}


def add_example(parser: argparse.ArgumentParser, name: str) -> None:
    """Put a command's example below its help, above what stands there already."""
    example = EXAMPLES[name]
    text = f"example (time to expect: {example.time}):\n  python -m training {example.command}"
    # As it stands: argparse itself would fold it into a paragraph.
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = f"{text}\n\n{parser.epilog}" if parser.epilog else text
