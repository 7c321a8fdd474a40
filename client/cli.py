"""``python -m client {predict,model,models,batch,erase}``."""

import argparse
import math
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import track

from api.schemas import MICRONS_PER_PIXEL, RESEARCH_USE_WARNING
from terminal import add_format, open_console
from untrusted import in_terminal

from . import erase
from .batch import command as batch
from .client import LeukolensClient
from .errors import InvalidAnswerError, LeukolensError, ServiceError, UnreachableError
from .files import NoFilesError, find
from .output import Outcome, as_csv, as_json, as_table, models_table
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
    if options.command == "erase":
        return erase.run(options)
    try:
        auth = read_access(os.environ).auth()
        with LeukolensClient(options.url, auth=auth, max_connections=options.concurrency) as leukolens:
            commands = {"predict": _predict, "model": _model, "models": _models}
            return commands[options.command](leukolens, options)
    except (SettingsError, NoFilesError, ValueError) as error:
        print(in_terminal(str(error)), file=sys.stderr)
        return EXIT_WRONG
    except LeukolensError as error:
        print(in_terminal(str(error)), file=sys.stderr)
        return EXIT_NO_SERVICE
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    url = os.environ.get("LEUKOLENS_API_URL", DEFAULT_URL)
    shared.add_argument("--url", default=url, help="of the service (default: LEUKOLENS_API_URL or %(default)s)")
    shared.add_argument("--concurrency", type=_count, default=4, help=argparse.SUPPRESS)

    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--model", metavar="NAME", help="one of the service's models (default: the service's choice)")

    parser = argparse.ArgumentParser(
        prog="python -m client", epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    predict = commands.add_parser("predict", parents=[shared, named], help="classify images")
    predict.add_argument(
        "paths", nargs="+", metavar="PATH", help="a file, a folder, or a pattern such as 'slide/**/*.tif'"
    )
    add_format(predict)
    predict.add_argument("--explain", type=Path, metavar="DIR", help="write each image with its heat map into DIR")
    predict.add_argument(
        "--microns-per-pixel", type=_microns, metavar="UM", help="size of a pixel of every image, where it is known"
    )
    commands.add_parser("model", parents=[shared, named], help="print the card of a model")
    add_format(commands.add_parser("models", parents=[shared], help="list the models of the service"))
    batch.add_command(commands)
    erase.add_command(commands)
    return parser


def _count(text: str) -> int:
    if not (text.isdecimal() and 1 <= int(text) <= 64):
        raise argparse.ArgumentTypeError("give a number from 1 to 64")
    return int(text)


def _microns(text: str) -> float:
    least, most = MICRONS_PER_PIXEL
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(f"give a number from {least:g} to {most:g}")
    return value


def _model(leukolens: LeukolensClient, options: argparse.Namespace) -> int:
    print(leukolens.model(options.model).model_dump_json(indent=2))
    return 0


def _models(leukolens: LeukolensClient, options: argparse.Namespace) -> int:
    models_table(leukolens.models()).write(open_console(), options.format)
    return 0


def _predict(leukolens: LeukolensClient, options: argparse.Namespace) -> int:
    selection = find(options.paths)
    files = selection.files
    leukolens.health()  # a wrong address is told once, not for every file
    base = Path(os.path.commonpath([file.resolve().parent for file in files]))
    parameters = {"model": options.model, "microns_per_pixel": options.microns_per_pixel}
    ask = partial(_ask, leukolens, explain_into=options.explain, base=base, parameters=parameters)
    progress = open_console(stderr=True)
    with ThreadPoolExecutor(options.concurrency) as pool:
        try:
            outcomes = list(track(pool.map(ask, files), "Classifying", len(files), console=progress, transient=True))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if selection.skipped_notice():
        progress.print(in_terminal(selection.skipped_notice()), markup=False, highlight=False)
    if options.format == "table":
        as_table(outcomes).write(open_console())
        progress.print(RESEARCH_USE_WARNING)
    else:
        print(as_json(outcomes) if options.format == "json" else as_csv(outcomes), end="")
    return EXIT_REFUSED if any(outcome.answer is None for outcome in outcomes) else 0


def _ask(
    leukolens: LeukolensClient, path: Path, *, explain_into: Path | None, base: Path, parameters: Mapping[str, Any]
) -> Outcome:
    try:
        answer = leukolens.predict(path, explain=explain_into is not None, **parameters)
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
