"""The commands of ``python -m training``."""

import argparse
import ast
import importlib
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn, cast

from training.examples import add_example
from training.full_disk import full_disk
from training.settings import SettingsError, add_settings, as_arguments, read_settings

COMMANDS = {
    "train": "train",
    "adapt": "adapt",
    "check": "check",
    "collect": "collect",
    "fetch": "data.fetch",
    "ingest": "data.ingest",
    "pull": "data.pull",
    "slides": "data.slide_report",
    "sweep": "sweep",
    "sync": "tracking.sync",
    "jobs": "sagemaker_jobs.watch",
    "logs": "sagemaker_jobs.logs",
    "stop": "sagemaker_jobs.stop",
    "costs": "sagemaker_jobs.prices",
    "promote": "promotion.promote",
    "rollback": "promotion.rollback",
    "doctor": "doctor",
    "evaluate": "evaluate",
    "crossvalidate": "crossvalidate",
    "export": "export",
    "card": "evaluate",
}
"""Each command and its module of this package, which has ``add_parser`` and a ``run`` that gives the exit code."""
SAGEMAKER_MODULE = "sagemaker_jobs.command"
"""The module of the commands of ``SAGEMAKER_COMMANDS`` with ``--executor sagemaker``."""
COMPLETION, ALIAS = "completion", "leukolens-training"
SAGEMAKER_COMMANDS = ("train", "sweep", "adapt")
EXECUTORS = ("local", "sagemaker")
_CHANNEL = (
    "a job reads the fields of --data and no other folder; measure its model afterwards: "
    "python -m training evaluate --run ID --external FOLDER"
)
NOT_ON_SAGEMAKER = {
    "--protocol": "a job is tested on the holdout; folds are compared on this machine, by sweep and crossvalidate",
    "--show-corner": "a job makes a model that may be shipped, and that hides the scale bar",
    "--cache": "a job begins on an empty disk and computes its features there",
    "--format": "its table is printed by python -m training jobs, with --format",
    "--work": "a job's checkpoints lie beside its model, below --output",
    "--external": _CHANNEL,
    "--outliers": _CHANNEL,
    "--group-pattern": "groups come with the fields: python -m training ingest --group-pattern puts them beside them",
    "--smoke": "it shows that this machine's parts work; of a job, --dry-run shows the request",
    "--from-run": "a run is repeated on the machine that has its fields",
    "--version": "the version of a job's model is the one after the newest in the registry",
}
"""Options of ``train`` and ``sweep`` that mean nothing in a job, and why."""


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong; argparse's own would put every option that there is before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}; all options: {self.prog} --help\n")


INTERRUPTED = 128 + 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command; gives the exit code."""
    argv = sys.argv[1:] if arguments is None else arguments
    try:
        return _run(argv)
    except KeyboardInterrupt:  # at whatever stage no command has more to say of it
        sys.stderr.write("python -m training: interrupted; the same command can be given again\n")
        return INTERRUPTED
    except SettingsError as error:
        sys.stderr.write(f"python -m training: {error}\n")
        return 2
    except Exception as error:
        path = full_disk(error)
        if path is None:
            raise
        at = f" at {path}" if path else ""
        sys.stderr.write(f"{argv[0]}: the disk is full{at}: make room, then give the same command again\n")
        return 1


def _run(arguments: list[str]) -> int:
    executor, argv = _with_settings(arguments)
    if argv[:1] == [COMPLETION]:
        return _complete(argv[1:])
    parser = _parser(executor, argv)
    options, unknown = parser.parse_known_args(argv)
    if unknown:
        parser.error(_refusal(executor, argv[0], unknown))
    return int(options.run(options))


def _parser(executor: str, argv: list[str]) -> _Parser:
    """Make the parser of the given command, or of the list of them all."""
    parser = _Parser(prog="python -m training", description="Data, training, evaluation and export.")
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    # Only the given command's module is imported: TensorFlow takes ten seconds, and fetching images needs none of it.
    command = argv[0] if argv and argv[0] in COMMANDS else None
    if executor == "local" and command is None:
        for name in COMMANDS:
            subparsers.add_parser(name, help=_summary(name))
        subparsers.add_parser(COMPLETION, help="print a shell's completion of all this (docs/training.md)")
    else:
        importlib.import_module(_module(executor, command or "")).add_parser(subparsers)
    if command and {"-h", "--help"} & set(argv):
        if executor == "local":
            importlib.import_module("training.sagemaker_jobs.command").add_epilogs(subparsers)
            add_example(subparsers.choices[command], command)
        # Taken out above, and named here for whoever reads.
        for subparser in subparsers.choices.values():
            add_settings(subparser.add_argument_group("options from elsewhere"))
    return parser


def _refusal(executor: str, command: str, unknown: list[str]) -> str:
    """Say why what a command does not know is refused: of the other executor's options, by name and reason."""
    names = [argument.partition("=")[0] for argument in unknown if argument.startswith("--")]
    if executor == "sagemaker" and (known := [name for name in names if name in NOT_ON_SAGEMAKER]):
        return f"{command} --executor sagemaker: {known[0]}: {NOT_ON_SAGEMAKER[known[0]]}; leave it out"
    if executor == "local" and command in SAGEMAKER_COMMANDS:
        subparsers = _Parser().add_subparsers()
        importlib.import_module(_module("sagemaker", command)).add_parser(subparsers)
        if known := [name for name in names if name in subparsers.choices[command]._option_string_actions]:
            return f"{command}: {known[0]}: it is for jobs; give --executor sagemaker with it, or leave it out"
    return f"unrecognized arguments: {' '.join(unknown)}"


def _complete(argv: list[str]) -> int:
    """Print a shell's completion of all commands and their options."""
    import shtab

    shell_parser = _Parser(prog=f"python -m training {COMPLETION}", description="Completion of commands and options.")
    shell_parser.add_argument("shell", choices=shtab.SUPPORTED_SHELLS)
    shell = shell_parser.parse_args(argv).shell
    # Shells complete by the word that is typed first: an alias, since ``python -m training`` begins with python.
    parser = _Parser(prog=ALIAS, description="Data, training, evaluation and export.")
    subparsers = parser.add_subparsers()
    for module in dict.fromkeys(COMMANDS.values()):
        importlib.import_module(f"training.{module}").add_parser(subparsers)
    for name, subparser in subparsers.choices.items():
        add_settings(subparser)
        if name in SAGEMAKER_COMMANDS:
            subparser.add_argument("--executor", choices=EXECUTORS)
    sys.stdout.write(shtab.complete(parser, shell) + "\n")
    return 0


def _summary(name: str) -> str:
    """Give a command's line of help, out of its module's text: to import all of them takes seconds."""
    path = Path(__file__).parent.joinpath(*COMMANDS[name].split(".")).with_suffix(".py")
    text = path.read_text(encoding="utf-8")
    for call in ast.walk(ast.parse(text)):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "add_parser":
            help_text = {keyword.arg: keyword.value for keyword in call.keywords}.get("help")
            command = call.args[0] if call.args else None
            if isinstance(command, ast.Constant) and command.value == name and isinstance(help_text, ast.Constant):
                return str(help_text.value)
    raise LookupError(f"{COMMANDS[name]} has no command {name} with a line of help")


def _with_settings(arguments: list[str]) -> tuple[str, list[str]]:
    """Give where the command runs, and its arguments with what ``--config`` and ``--set`` add to them.

    ``--executor`` is taken out: the options of the commands of ``SAGEMAKER_COMMANDS`` depend on it.

    Raises
    ------
    SettingsError
        A file or an assignment cannot be followed.
    """
    parser = _Parser(prog="python -m training", add_help=False, allow_abbrev=False)
    parser.add_argument("--executor", choices=EXECUTORS)
    add_settings(parser)
    options, rest = parser.parse_known_args(arguments)
    settings = read_settings(options.config, options.assigned)
    setting = settings.pop("executor", None)
    executor = options.executor or (setting.values[-1] if setting else "local")
    if executor not in EXECUTORS:
        raise SettingsError(f"executor = {executor}: allowed: {', '.join(EXECUTORS)}")
    if executor == "sagemaker" and rest and rest[0] in COMMANDS and rest[0] not in SAGEMAKER_COMMANDS:
        raise SettingsError(
            f"{rest[0]}: it runs on this machine alone; --executor sagemaker is for {' and '.join(SAGEMAKER_COMMANDS)}"
        )
    if not settings or not rest or rest[0] not in COMMANDS or {"-h", "--help"} & set(rest):
        return executor, rest

    def make_parser() -> argparse.ArgumentParser:
        subparsers = _Parser(prog="python -m training").add_subparsers()
        importlib.import_module(_module(executor, rest[0])).add_parser(subparsers)
        return cast(argparse.ArgumentParser, subparsers.choices[rest[0]])

    return executor, [rest[0], *as_arguments(settings, rest[1:], make_parser), *rest[1:]]


def _module(executor: str, command: str) -> str:
    """Name the module of a command; on SageMaker, of its own commands alone."""
    return f"training.{SAGEMAKER_MODULE if executor == 'sagemaker' else COMMANDS[command]}"


ENDING = (signal.SIGTERM, signal.SIGHUP)
"""What a closed terminal, ``kill`` or a shutdown sends. Python ends on these without a word, so that a run would stay
RUNNING in MLflow for ever."""


def listen() -> None:
    """Take signals that would end this process as ``KeyboardInterrupt``; only in the main thread.

    One that is ignored stays ignored: ``nohup`` means it so.
    """
    for number in ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
