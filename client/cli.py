"""``python -m client {predict,model,batch}``."""

import argparse
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import track

from api.schemas import RESEARCH_USE_WARNING

from .batch import command as batch
from .client import LeukolensClient
from .errors import InvalidAnswerError, LeukolensError, ServiceError, UnreachableError
from .files import NoFilesError, find
from .output import Outcome, as_csv, as_json, as_table
from .overlay import overlay
from .settings import DEFAULT_URL, SettingsError, read_access

EXIT_REFUSED = 1
EXIT_WRONG = 2
EXIT_NO_SERVICE = 3
EXIT_INTERRUPTED = 130  # as a shell counts SIGINT
_EPILOG = """exit codes: 0 every image was answered; 1 some were not; 2 wrong arguments or settings; 3 no service.
Access: LEUKOLENS_CLIENT_TOKEN, or LEUKOLENS_CLIENT_TOKEN_URL, _ID, _SECRET and _SCOPE. Research use only."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "batch":
        return batch.run(options)
    try:
        auth = read_access(os.environ).auth()
        with LeukolensClient(options.url, auth=auth, max_connections=options.concurrency) as leukolens:
            return _predict(leukolens, options) if options.command == "predict" else _model(leukolens)
    except (SettingsError, NoFilesError, ValueError) as error:
        print(error, file=sys.stderr)
        return EXIT_WRONG
    except LeukolensError as error:
        print(error, file=sys.stderr)
        return EXIT_NO_SERVICE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    url = os.environ.get("LEUKOLENS_API_URL", DEFAULT_URL)
    shared.add_argument("--url", default=url, help="of the service (default: LEUKOLENS_API_URL or %(default)s)")
    shared.add_argument("--concurrency", type=_count, default=4, help=argparse.SUPPRESS)

    parser = argparse.ArgumentParser(
        prog="python -m client", epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    predict = commands.add_parser("predict", parents=[shared], help="classify images")
    predict.add_argument(
        "paths", nargs="+", metavar="PATH", help="a file, a folder, or a pattern such as 'slide/**/*.tif'"
    )
    predict.add_argument("--format", choices=["table", "json", "csv"], default="table")
    predict.add_argument("--explain", type=Path, metavar="DIR", help="write each image with its heat map into DIR")
    commands.add_parser("model", parents=[shared], help="print the card of the model that answers")
    batch.add_command(commands)
    return parser


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 64):
        raise argparse.ArgumentTypeError("give a number from 1 to 64")
    return int(text)


def _model(leukolens: LeukolensClient) -> int:
    print(leukolens.model().model_dump_json(indent=2))
    return 0


def _predict(leukolens: LeukolensClient, options: argparse.Namespace) -> int:
    found = find(options.paths)
    files = found.files
    leukolens.health()  # a wrong address is told once, not for every file
    base = Path(os.path.commonpath([file.resolve().parent for file in files]))
    ask = partial(_ask, leukolens, explain_into=options.explain, base=base)
    progress = Console(stderr=True)
    with ThreadPoolExecutor(options.concurrency) as pool:
        try:
            outcomes = list(track(pool.map(ask, files), "Classifying", len(files), console=progress, transient=True))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if found.told():
        progress.print(found.told(), markup=False, highlight=False)
    if options.format == "table":
        Console().print(as_table(outcomes))
        progress.print(RESEARCH_USE_WARNING)
    else:
        print(as_json(outcomes) if options.format == "json" else as_csv(outcomes), end="")
    return EXIT_REFUSED if any(outcome.answer is None for outcome in outcomes) else 0


def _ask(leukolens: LeukolensClient, path: Path, *, explain_into: Path | None, base: Path) -> Outcome:
    try:
        answer = leukolens.predict(path, explain=explain_into is not None)
        if explain_into is not None and answer.explanation is not None:
            # Under the folders that the files have in common, so that equal names do not meet.
            target = explain_into / path.resolve().relative_to(base).with_name(f"{path.name}.overlay.png")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(overlay(path.read_bytes(), answer.explanation.heatmap_png))
    except ServiceError as error:
        return Outcome(path, error=str(error), problem=error.problem)
    except (UnreachableError, InvalidAnswerError, OSError) as error:
        return Outcome(path, error=str(error))
    # Without the heat map: a folder's worth of them would not fit in memory.
    return Outcome(path, answer.model_copy(update={"explanation": None}))
