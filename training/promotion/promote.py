"""``python -m training promote --run RUN --env staging``: judge a model by its evidence, then put it in service.

What is read by others is written last: the file and its card, the registry's alias, the history, and at the very end
the environment's file. Whatever fails before leaves that file as it was, and the same command goes on from there.
"""

import argparse
import re
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from inference import CARD_NAME
from training.atomic_write import write_whole
from training.data.s3 import Bucket
from training.promotion import environment_file, history
from training.promotion.candidate import Candidate, examine
from training.promotion.command import PromotionError, RefusedError, add_place_options, run_command, tell
from training.promotion.finding import Comparison, Finding
from training.promotion.gate import judge
from training.promotion.history import Served
from training.promotion.places import Places, current_digest, in_service, open_places
from training.promotion.registry import ALIAS, NAME, Registry
from training.serving.files import FILE_NAME


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the ``promote`` command."""
    parser = subparsers.add_parser("promote", help="put a measured model into an environment, if its evidence allows")
    parser.add_argument("--run", dest="candidate", required=True, help="an MLflow run's id, or a model folder")
    add_place_options(parser)
    parser.add_argument(
        "--manifest",
        metavar="PLACE",
        help="the current data: a manifest file, a folder of fields or s3://BUCKET/PREFIX (the environment's own)",
    )
    parser.add_argument(
        "--in-service",
        type=Path,
        metavar="FOLDER",
        help="the model in service, measured again: the same file, with a newer evaluation in its card",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the ``promote`` command; gives the exit code."""
    return run_command("promote", _promote, options)


def _promote(options: argparse.Namespace) -> None:
    places = open_places(options.env, options.bucket, options.environments)
    with tempfile.TemporaryDirectory() as folder:
        candidate, registry = _candidate(options, Path(folder))
        served = _in_service(places, options.in_service)
        findings = judge(Comparison(candidate, served, current_digest(options.manifest, places.environment)))
        _report(findings, options.candidate, options.env)
        before = places.file.read_text("utf-8")
        model_folder = places.of_model(candidate.sha256)
        serves = candidate.sha256 == served.sha256
        after = before if serves else environment_file.with_model(before, model_folder.uri, candidate.sha256)
        if not options.dry_run:
            _store(model_folder, candidate)
            registered = _set_champion_alias(registry, candidate)
            if not serves:
                _record_promotion(places, candidate, served, registered, model_folder.uri)
                write_whole(places.file, after.encode())
    _print_change(places, before, after, dry_run=options.dry_run)


def _candidate(options: argparse.Namespace, into: Path) -> tuple[Candidate, Registry | None]:
    """Find the model: a folder of this machine, or a run's."""
    folder = Path(options.candidate)
    if folder.is_dir():
        return examine(folder), None
    if not re.fullmatch(r"[0-9a-f]{32}", options.candidate):
        raise PromotionError(f"--run {options.candidate}: neither a folder nor the id of an MLflow run (32 digits)")
    registry = Registry(options.tracking_uri)
    return examine(registry.fetch(options.candidate, into), options.candidate), registry


def _in_service(places: Places, remeasured_folder: Path | None) -> Candidate:
    """Read the model that the environment serves; its evidence may be a newer one than its card's."""
    served = examine(places.fetch(places.environment.model))
    if remeasured_folder is None:
        return served
    remeasured = examine(remeasured_folder)
    if remeasured.file_sha256 != served.file_sha256:
        raise PromotionError(
            f"--in-service {remeasured_folder}: it holds the file {remeasured.file_sha256[:16]}, and in service is "
            f"{served.file_sha256[:16]}: name a folder of that very file"
        )
    return replace(remeasured, sha256=served.sha256)  # what serves keeps its name, of the card that it is served with


def _report(findings: list[Finding], name: str, environment: str) -> None:
    """Tell every finding, and stop where one does not let the model pass."""
    for finding in findings:
        tell(f"{'ok     ' if finding.ok else 'refused'} {finding.rule}: {finding.explanation}")
    reasons = [finding.rule for finding in findings if not finding.ok]
    if reasons:
        count = "1 reason" if len(reasons) == 1 else f"{len(reasons)} reasons"
        raise RefusedError(f"{name} does not go into {environment}, for {count}: {', '.join(reasons)}")


def _store(model_folder: Bucket, candidate: Candidate) -> None:
    """Put the file and its card where their hash says; what is there already is not sent again."""
    present = model_folder.list()
    for name in (FILE_NAME, CARD_NAME):
        content = (candidate.folder / name).read_bytes()
        if model_folder.holds(name, content, present.get(name)):
            tell(f"{model_folder.uri}/{name} is there")
        else:
            model_folder.put(name, content)
            tell(f"{model_folder.uri}/{name} stored, {len(content):,} bytes")


def _set_champion_alias(registry: Registry | None, candidate: Candidate) -> str | None:
    """Move the registry's alias, where the model came from a run; gives its version."""
    if registry is None or candidate.run_id is None:
        return None
    version = registry.register(candidate.run_id, candidate.file_sha256)
    registry.set_champion_alias(version)
    tell(f"MLflow: {ALIAS} is version {version} of {NAME}")
    return version


def _record_promotion(
    places: Places, candidate: Candidate, served: Candidate, registered: str | None, uri: str
) -> None:
    """Write down what served before, for a rollback."""
    name = places.environment.name
    past = history.read(places.histories, name)
    new_entry = Served(
        sha256=candidate.sha256,
        uri=uri,
        version=candidate.card.version if candidate.card else "",
        run_id=candidate.run_id,
        registered=registered,
        promoted=datetime.now(UTC).replace(microsecond=0),
    )
    now_serving = past.find(served.sha256) or in_service(places.environment, served)
    history.write(places.histories, name, past.promote(now_serving, new_entry))


def _print_change(places: Places, before: str, after: str, *, dry_run: bool) -> None:
    name = places.environment.name
    if before == after:
        tell(f"{name} serves this model already: nothing to commit")
        return
    sys.stdout.write(environment_file.difference(places.file, before, after) + "\n")
    tell("dry run: nothing was written" if dry_run else f"Commit this, then: make deploy ENV={name}")
