"""``python -m training card``: write what ``evaluate`` found, from the results file alone, in seconds.

For people: the report with its figures, and the model card. For programs: the evidence in the model's own card.
"""

import argparse
import sys
from pathlib import Path

from inference import ModelError, read_card, write_card
from training.data.dataset import DataError
from training.evaluation.attempts import read_attempts
from training.evaluation.report import figures, model_card, report
from training.evaluation.results import RESULTS_NAME, Results, read_results

DEFAULT_OUTPUT = Path("docs/evaluation.md")
DEFAULT_MODEL = Path("models/default")
CARD_PAGE, IMAGES, ATTEMPTS = "model-card.md", Path("images/evaluation"), "attempts.json"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``card`` command."""
    parser = subparsers.add_parser("card", help="write report and model card again from the results file")
    add_places(parser)
    parser.set_defaults(run=run)


def add_places(parser: argparse.ArgumentParser) -> None:
    """Add where the model is and where documents go."""
    parser.add_argument("--model", type=Path, default=DEFAULT_MODEL, help="the shipped model's folder (%(default)s)")
    parser.add_argument(
        "--output", type=Path, default=DEFAULT_OUTPUT, help="the report; the rest goes beside it (%(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Run the ``card`` command; gives the exit code."""
    try:
        results = read_results(options.output.with_name(RESULTS_NAME))
        write(results, options.model, options.output)
    except (DataError, ModelError) as error:
        sys.stderr.write(f"card: {error}\n")
        return 2
    sys.stdout.write(f"{options.output}\n{options.output.with_name(CARD_PAGE)}\n")
    return 0


def fill_card(results: Results, model: Path) -> None:
    """Put the evidence into the model's card; the file's hash in it stays what it is.

    Raises
    ------
    DataError
        The results are of another file.
    """
    card = read_card(model)
    if card.sha256 != results.model_sha256:
        raise DataError(
            f"the results are of the file {results.model_sha256[:16]}, and {model} is {card.sha256[:16]}: run "
            "`python -m training evaluate` again"
        )
    write_card(card.model_copy(update={"evaluation": results.evidence.model_dump(mode="json")}), model)


def write(results: Results, model: Path, output: Path) -> None:
    """Fill the model's card, and write report, figures and model card beside one another.

    Raises
    ------
    DataError
        The results are of another file, or the attempts cannot be read.
    """
    fill_card(results, model)
    drawn = figures.draw(results, output.parent / IMAGES)
    attempts = read_attempts(output.with_name(ATTEMPTS))
    output.write_text(report.render(results, attempts, {name: IMAGES / path.name for name, path in drawn.items()}))
    output.with_name(CARD_PAGE).write_text(model_card.render(results, read_card(model)))
