"""``python -m training rollback --env staging``: go back to the model that served before, without evidence.

The model served once, and a rollback is for when something is wrong: it asks only whether the file is still there and
still the same.
"""

import argparse
import sys

from infra.config import Model
from training.atomic_write import write_whole
from training.data.s3 import BucketError
from training.promotion import environment_file, history
from training.promotion.command import PromotionError, add_place_options, run_command, tell
from training.promotion.history import History, Served
from training.promotion.places import Places, open_places
from training.promotion.registry import ALIAS, Registry


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``rollback`` command."""
    parser = subparsers.add_parser("rollback", help="put the model that served before back into an environment")
    add_place_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``rollback`` command; gives the exit code."""
    return run_command("rollback", _roll_back, options)


def _roll_back(options: argparse.Namespace) -> None:
    places = open_places(options.env, options.bucket, options.environments)
    model = places.environment.model
    if model is None:
        raise PromotionError(f"{options.env} serves the model that comes with the code: go back by git revert")
    past = history.read(places.histories, options.env)
    current, previous = past.find(model.sha256), past.before(model.sha256)
    if current is None or previous is None:
        raise PromotionError(
            f"{places.histories.uri} has no note of what served before {model.sha256[:16]} in {options.env}: "
            "it was not put there by promote. Write the model to go back to into the file by hand"
        )
    before = places.file.read_text("utf-8")
    if previous.uri:
        places.fetch(Model(uri=previous.uri, sha256=previous.sha256))
        after = environment_file.with_model(before, previous.uri, previous.sha256)
    else:
        after = environment_file.without_model(before)
    if not options.dry_run:
        write_whole(places.file, after.encode())
        _forget(places, model.sha256, past)
        _set_champion_alias(current, previous, options.tracking_uri)
    name = previous.version or previous.sha256[:16]
    tell(f"back to {name}, {previous.uri or 'the model that comes with the code'}")
    sys.stdout.write(environment_file.difference(places.file, before, after) + "\n")
    tell("dry run: nothing was written" if options.dry_run else f"Commit this, then: make deploy ENV={options.env}")


def _forget(places: Places, sha256: str, past: History) -> None:
    """Remove the model from the history. The environment's file is written by now: a failure here only warns."""
    try:
        history.write(places.histories, places.environment.name, past.back(sha256))
    except BucketError as error:
        tell(f"note: {places.histories.uri} still lists {sha256[:16]} ({error})")


def _set_champion_alias(current: Served, previous: Served, tracking_uri: str | None) -> None:
    """Move the registry's alias back, where promotions moved it; a failure only warns."""
    if not (current.registered or previous.registered):
        return
    try:
        Registry(tracking_uri).set_champion_alias(previous.registered)
    except PromotionError as error:
        tell(f"note: the alias {ALIAS} is not moved: {error}")
