"""What ``promote`` and ``rollback`` share: options, exit codes, messages.

What keeps a promotion from being tried at all, in words that say what to do.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from infra.environments import ENVIRONMENTS, NAMES
from training.data.s3 import BucketError


class PromotionError(Exception):
    """Something that is needed is missing; no model was judged."""


class RefusedError(Exception):
    """The evidence does not allow the promotion; the findings have been printed."""


EXIT_REFUSED, EXIT_FAILED = 2, 1


def add_place_options(parser: argparse.ArgumentParser) -> None:
    """Add where a command reads and writes."""
    parser.add_argument("--env", required=True, choices=NAMES, help="environment")
    parser.add_argument("--dry-run", action="store_true", help="judge, and print the change; write nothing")
    parser.add_argument("--bucket", metavar="s3://BUCKET", help="models bucket (the environment's storage stack knows)")
    parser.add_argument("--tracking-uri", metavar="URI", help="MLflow server (MLFLOW_TRACKING_URI)")
    parser.add_argument(
        "--environments", type=Path, default=ENVIRONMENTS, metavar="FOLDER", help="folder of the environments' files"
    )


def run_command(command: str, action: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> int:
    """Run a command; gives 0, 2 if it is refused or misused, 1 if it may be tried again."""
    try:
        action(options)
    except (PromotionError, RefusedError) as error:
        tell(f"{command}: {error}")
        return EXIT_REFUSED
    except (BucketError, OSError) as error:
        tell(f"{command}: {error}; the environment's file is untouched, and the same command goes on from here")
        return EXIT_FAILED
    except KeyboardInterrupt:
        tell(f"{command}: interrupted; the environment's file is untouched, and the same command goes on from here")
        return 130
    return 0


def tell(text: str) -> None:
    """Print a message for the person; what another program may read goes to the standard output instead."""
    sys.stderr.write(text + "\n")
