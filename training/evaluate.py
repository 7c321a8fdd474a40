"""``python -m training evaluate``: measure a recipe on its folds and the shipped file on strangers.

The shipped model's numbers::

    python -m training evaluate --data ../shared/data/all_smears --external ../shared/data/bccd

Ten minutes on two cores for 5 folds of each protocol; a second run reads the answers kept beside the folds.

With ``--run ID`` it is the model that an MLflow run logged, whose card there gets the evidence: ``promote --run ID``
then takes it. Report and figures go to ``runs/evaluation/ID``.

``python -m training card`` writes report, figures, model card and the card's evidence again from the results file
alone, in seconds.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference import ModelError, read_card, write_card
from training import tracking
from training.data.dataset import FOLDER_HELP
from training.data.groups import add_group_pattern
from training.data.labels import DataError
from training.dry_run import add_dry_run, print_dry_run
from training.evaluation.bootstrap import REPLICATES
from training.evaluation.pipeline import Question, examine, prepare
from training.evaluation.report import figures, model_card, report
from training.evaluation.report.report import read_attempts
from training.evaluation.results import RESULTS_NAME, Results, as_numbers, read_results, write_results
from training.promotion.command import PromotionError
from training.promotion.registry import Registry
from training.tracking.settings import tracking_uri

DEFAULT_OUTPUT = Path("docs/evaluation.md")
DEFAULT_MODEL = Path("models/default")
CARD_PAGE, IMAGES, ATTEMPTS = "model-card.md", Path("images/evaluation"), "attempts.json"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``evaluate`` and the ``card`` command."""
    parser = subparsers.add_parser("evaluate", help="measure on folds and strangers; write results, report, card")
    parser.add_argument("--data", type=Path, required=True, help=FOLDER_HELP)
    add_group_pattern(parser)
    parser.add_argument(
        "--external", type=Path, action="append", default=[], help="folder of smears of no class here, such as BCCD's"
    )
    parser.add_argument("--folds", type=Path, default=Path("runs/folds"), help="of crossvalidate (%(default)s)")
    parser.add_argument("--candidate", default="efficientnet-lite0", help="the shipped recipe's folds (%(default)s)")
    parser.add_argument("--sweeps", type=Path, default=Path("runs/sweep"), help="of sweep; their tables are shown")
    parser.add_argument("--partial", action="store_true", help="report although folds are missing")
    parser.add_argument("--replicates", type=int, default=REPLICATES, help="of the bootstrap (%(default)s)")
    add_places(parser)
    add_dry_run(parser)
    parser.set_defaults(run=run)
    card = subparsers.add_parser("card", help="write report and model card again from the results file")
    add_places(card)
    card.set_defaults(run=run_card)


def add_places(parser: argparse.ArgumentParser) -> None:
    """Add where the model is and where documents go."""
    model_group = parser.add_mutually_exclusive_group()
    model_group.add_argument(
        "--model", type=Path, default=DEFAULT_MODEL, help="model folder (the shipped one, %(default)s)"
    )
    model_group.add_argument(
        "--run", dest="of_run", metavar="ID", help="MLflow run whose model it is; its card is filled"
    )
    parser.add_argument(
        "--output",
        type=Path,
        help=f"the report; the rest goes beside it ({DEFAULT_OUTPUT}; with --run in runs/evaluation/ID)",
    )


@contextmanager
def _model_and_output(options: argparse.Namespace, *, dry_run: bool = False) -> Iterator[tuple[Path, Path]]:
    """Give the model's folder and the report's place; a run's model is fetched, and its card sent back at the end."""
    if options.of_run is None:
        yield options.model, options.output or DEFAULT_OUTPUT
        return
    registry = Registry(tracking_uri())
    output = options.output or Path("runs/evaluation") / options.of_run / DEFAULT_OUTPUT.name
    with tempfile.TemporaryDirectory() as scratch:
        model = registry.fetch(options.of_run, Path(scratch))
        if not dry_run:
            output.parent.mkdir(parents=True, exist_ok=True)
        yield model, output
        if not dry_run:
            registry.attach(options.of_run, model)


def run(options: argparse.Namespace) -> int:
    """Run the ``evaluate`` command; gives the exit code."""
    parameters = {"candidate": options.candidate, "replicates": options.replicates, "partial": options.partial}
    try:
        with _model_and_output(options, dry_run=options.dry_run) as (model, output):
            question = Question(
                data=options.data,
                group_pattern=options.group_pattern,
                external=options.external,
                folds=options.folds,
                model=model,
                candidate=options.candidate,
                sweeps=options.sweeps,
                partial=options.partial,
                replicates=options.replicates,
                known=output.with_name(RESULTS_NAME),
            )
            if options.dry_run:
                _print_dry_run(question, output)
                return 0
            with tracking.run(f"evaluate {options.candidate}", parameters=parameters) as tracked_run:
                results = examine(question)
                write_results(results, output.with_name(RESULTS_NAME))
                write(results, model, output)
                _log(tracked_run, results, output)
    except (DataError, ModelError, PromotionError) as error:
        sys.stderr.write(f"evaluate: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("evaluate: interrupted; the same command goes on from the answers that are kept\n")
        return 130
    sys.stdout.write(f"{report.headline(results)}\n{output}\n")
    return 0


def _print_dry_run(question: Question, output: Path) -> None:
    """Say what would be measured; refuses what measuring would refuse."""
    prepared = prepare(question)
    folds = {name: sum(map(len, by_protocol.values())) for name, by_protocol in prepared.candidates.items()}
    print_dry_run(
        {
            "data": question.data,
            "manifest": prepared.manifest.digest,
            "images": len(prepared.manifest.records),
            "model": f"{question.model}, version {prepared.card.version}",
            "folds": ", ".join(f"{name} {count}" for name, count in folds.items()),
            "missing": ", ".join(prepared.missing) or "none: all are there",
            "external": ", ".join(map(str, question.external)) or "none",
            "output": output,
        }
    )


def run_card(options: argparse.Namespace) -> int:
    """Run the ``card`` command; gives the exit code."""
    try:
        with _model_and_output(options) as (model, output):
            results = read_results(output.with_name(RESULTS_NAME))
            write(results, model, output)
    except (DataError, ModelError, PromotionError) as error:
        sys.stderr.write(f"card: {error}\n")
        return 2
    sys.stdout.write(f"{output}\n{output.with_name(CARD_PAGE)}\n")
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
    figure_paths = figures.draw(results, output.parent / IMAGES)
    attempts = read_attempts(output.with_name(ATTEMPTS))
    output.write_text(
        report.render(results, attempts, {name: IMAGES / path.name for name, path in figure_paths.items()})
    )
    output.with_name(CARD_PAGE).write_text(model_card.render(results, read_card(model)))


def _log(run: tracking.Run, results: Results, output: Path) -> None:
    """Log every number of the evidence with its interval, and all that was written from it."""
    evidence = results.evidence
    estimates = {
        **{
            f"{protocol}/{name}": estimate
            for protocol, part in evidence.protocols.items()
            for name, estimate in part.metrics.items()
        },
        **{f"robustness/{name}": estimate for name, estimate in evidence.robustness.items()},
    }
    numbers = as_numbers(estimates) | {
        f"shortcut/{name}/{protocol}": value
        for name, scores in evidence.shortcuts.items()
        for protocol, value in scores.items()
    }
    numbers |= {f"strangers/{name}/accepted": ood_set.accepted for name, ood_set in evidence.strangers.items()}
    run.tags({"data_manifest": evidence.manifest_digest, "model_sha256": results.model_sha256})
    run.metrics(numbers)
    for path in (output, *(output.with_name(name) for name in (RESULTS_NAME, CARD_PAGE))):
        run.file(path, "evaluation")
    run.file(output.parent / IMAGES, "figures")
