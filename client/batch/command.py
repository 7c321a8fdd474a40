"""``python -m client batch s3://BUCKET/PREFIX --wait``."""

import argparse
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from api.schemas import RESEARCH_USE_WARNING
from terminal import open_console

from . import execution as executions
from .aws import ENVIRONMENTS, Aws, region_of, state_machine_arn
from .errors import BatchError, RefusedError, WrongRequestError
from .machine import Machine, check_location, describe_machine, parse_location
from .progress import follow, report, say
from .results import Tally, read_rows
from .tables import check_target, default_suffix, write_rows

if TYPE_CHECKING:
    from argparse import _SubParsersAction

EXIT_SOME = 1
EXIT_INTERRUPTED = 130
_EPILOG = """exit codes: 0 every image was answered; 1 some were not (the file lists them); 2 wrong arguments;
3 AWS refused or did not answer; 4 the batch failed; 130 no longer followed. Ctrl-C stops following, never the batch.
Credentials are AWS's own (AWS_PROFILE, aws sso login). Research use only."""


def add_command(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describe the command's arguments."""
    parser = commands.add_parser(
        "batch",
        help="classify everything below an S3 prefix, on AWS",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("location", nargs="?", metavar="s3://BUCKET/PREFIX", help="what to classify")
    parser.add_argument("--follow", metavar="EXECUTION_ARN", help="follow a batch that was started before, instead")
    parser.add_argument("--wait", action="store_true", help="follow it to its end, and download its results")
    machine = parser.add_mutually_exclusive_group()
    machine.add_argument("--env", choices=ENVIRONMENTS, default="dev", help="whose state machine (default: dev)")
    machine.add_argument("--state-machine", metavar="ARN", help="another state machine")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="results, .parquet or .csv (default: <execution>.parquet)"
    )
    parser.add_argument("--endpoint-url", metavar="URL", help="of an AWS emulator")


def run(options: argparse.Namespace) -> int:
    """Run the command, and give its exit code."""
    console = open_console(stderr=True)
    try:
        return _run(options, console)
    except BatchError as error:
        say(console, str(error), style="red")
        return error.exit_code
    except KeyboardInterrupt:
        say(console, "Interrupted before anything was started.")
        return EXIT_INTERRUPTED


def _run(options: argparse.Namespace, console: Console) -> int:
    if bool(options.location) == bool(options.follow):
        raise WrongRequestError("Give either s3://BUCKET/PREFIX, or --follow EXECUTION_ARN.")
    if options.output:
        check_target(options.output)
    if options.follow:
        aws = Aws.connect(region_of(options.follow, "execution"), options.endpoint_url)
        machine = describe_machine(aws, executions.describe(aws, options.follow).state_machine_arn)
        return _see_through(aws, machine, options.follow, options, console)
    location = parse_location(options.location)
    machine_arn = options.state_machine or state_machine_arn(options.env, options.endpoint_url)
    aws = Aws.connect(region_of(machine_arn, "stateMachine"), options.endpoint_url)
    machine = describe_machine(aws, machine_arn)
    check_location(aws, machine, location)
    arn = executions.start(aws, machine, location)
    if options.wait or options.output:
        return _see_through(aws, machine, arn, options, console)
    say(open_console(), arn)
    say(console, f"It runs. To follow it: {_again(arn, options)}")
    return 0


def _see_through(aws: Aws, machine: Machine, arn: str, options: argparse.Namespace, console: Console) -> int:
    """Follow an execution, download what it answered, and print the sum."""
    try:
        if options.location:
            say(console, f"Started {arn}")
        execution = follow(console, executions.follow(aws, arn))
        summary = execution.summary(machine)
        target = options.output or Path(f"{execution.name}{default_suffix()}")
        tally = Tally(read_rows(aws, machine, execution, failed_calls=summary.failed_calls))
        with console.status("Downloading the results"):
            write_rows(target, tally)
    except KeyboardInterrupt:
        say(console, f"\nNo longer followed; the batch itself was not stopped. To go on: {_again(arn, options)}")
        return EXIT_INTERRUPTED
    except RefusedError:
        say(console, f"No longer followed; the batch itself was not stopped. To go on: {_again(arn, options)}")
        raise
    report(open_console(), summary, tally)
    say(open_console(), f"results: {target}")
    console.print(RESEARCH_USE_WARNING)
    return EXIT_SOME if tally.unanswered else 0


def _again(arn: str, options: argparse.Namespace) -> str:
    """Give the command that follows the same execution into the same file."""
    values = {"--output": options.output, "--endpoint-url": options.endpoint_url}
    words = [word for name, value in values.items() if value for word in (name, str(value))]
    return shlex.join(["python", "-m", "client", "batch", "--follow", arn, *words])
