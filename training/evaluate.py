"""``python -m training evaluate``: measure a recipe on its folds and the shipped file on strangers.

What was found is written down by ``training.documents``. The shipped model's numbers::

    python -m training evaluate --data ../shared/data/all_smears --external ../shared/data/bccd

Ten minutes on two cores for 5 folds of each protocol; a second run reads the answers kept beside the folds.
"""

import argparse
import sys
from pathlib import Path

from inference import ModelError
from training import documents, tracking
from training.data.dataset import LABELS, DataError
from training.evaluation.bootstrap import REPLICATES
from training.evaluation.pipeline import Question, examine
from training.evaluation.report import report
from training.evaluation.results import RESULTS_NAME, Results, write_results
from training.evidence import as_numbers


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``evaluate`` command."""
    parser = subparsers.add_parser("evaluate", help="measure on folds and strangers; write results, report, card")
    parser.add_argument("--data", type=Path, required=True, help=f"folder that holds {', '.join(LABELS)}")
    parser.add_argument(
        "--external", type=Path, action="append", default=[], help="folder of smears of no class here, such as BCCD's"
    )
    parser.add_argument("--folds", type=Path, default=Path("runs/folds"), help="of crossvalidate (%(default)s)")
    parser.add_argument("--candidate", default="efficientnet-lite0", help="the shipped recipe's folds (%(default)s)")
    parser.add_argument("--sweeps", type=Path, default=Path("runs/sweep"), help="of sweep; their tables are shown")
    parser.add_argument("--partial", action="store_true", help="report although folds are missing")
    parser.add_argument("--replicates", type=int, default=REPLICATES, help="of the bootstrap (%(default)s)")
    documents.add_places(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``evaluate`` command; gives the exit code."""
    question = Question(
        data=options.data,
        external=options.external,
        folds=options.folds,
        model=options.model,
        candidate=options.candidate,
        sweeps=options.sweeps,
        partial=options.partial,
        replicates=options.replicates,
    )
    parameters = {"candidate": options.candidate, "replicates": options.replicates, "partial": options.partial}
    try:
        with tracking.run(f"evaluate {options.candidate}", parameters=parameters) as logged:
            results = examine(question)
            write_results(results, options.output.with_name(RESULTS_NAME))
            documents.write(results, options.model, options.output)
            _log(logged, results, options.output)
    except (DataError, ModelError) as error:
        sys.stderr.write(f"evaluate: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("evaluate: interrupted; the same command goes on from the answers that are kept\n")
        return 130
    sys.stdout.write(f"{report.headline(results)}\n{options.output}\n")
    return 0


def _log(run: tracking.Run, results: Results, output: Path) -> None:
    """Log every number of the evidence with its interval, and all that was written from it."""
    evidence = results.evidence
    estimates = {
        **{
            f"{protocol}/{name}": one
            for protocol, part in evidence.protocols.items()
            for name, one in part.metrics.items()
        },
        **{f"robustness/{name}": one for name, one in evidence.robustness.items()},
    }
    numbers = as_numbers(estimates) | {
        f"shortcut/{name}/{at}": value for name, part in evidence.shortcuts.items() for at, value in part.items()
    }
    numbers |= {f"strangers/{name}/accepted": one.accepted for name, one in evidence.strangers.items()}
    run.tags({"data_manifest": evidence.manifest_digest, "model_sha256": results.model_sha256})
    run.metrics(numbers)
    for path in (output, *(output.with_name(name) for name in (RESULTS_NAME, documents.CARD_PAGE))):
        run.file(path, "evaluation")
    run.file(output.parent / documents.IMAGES, "figures")
