"""The commands of a deployment: ``python -m infra {preflight,fetch,publish,verify,resolve,keep,costs,...}``.

What another program reads goes to the standard output, one ``name=value`` a line; all else to the standard error.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from infra import costs
from infra.environments import NAMES, ConfigError, load_environment
from infra.image import read_reference
from infra.model import model_folder
from infra.operations import adopt, alarm_test, empty_bucket, preflight, publish, release
from infra.prices import read_prices
from infra.rehearsal.container import EngineError
from infra.rehearsal.program import ProgramError


def main() -> int:
    """Run one command; gives the exit code."""
    options = _parser().parse_args()
    command: Callable[[argparse.Namespace], int] = options.run
    try:
        return command(options)
    except (ConfigError, EngineError, ProgramError) as error:
        _say(f"leukolens: {error}")
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)

    def add(name: str, run: Callable[[argparse.Namespace], int], summary: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=summary, description=summary)
        added.set_defaults(run=run)
        return added

    def add_for_environment(
        name: str, run: Callable[[argparse.Namespace], int], summary: str
    ) -> argparse.ArgumentParser:
        added = add(name, run, summary)
        added.add_argument("environment", choices=NAMES)
        return added

    checks = add_for_environment("preflight", _preflight, "what would fail in a deploy; exit code 1 if anything would")
    checks.add_argument(
        "--skip", default="", metavar="NAME,NAME", help="checks to leave out, by their name in the list"
    )
    add_for_environment("fetch", _fetch, "fetch and verify the model that an environment names, for a build here")
    publishing = add_for_environment("publish", _publish, "build the images once and push them; prints each by digest")
    publishing.add_argument("--tag", required=True, help="of the commit")
    verifying = add_for_environment("verify", _verify, "refuse an image with another model than the environment's")
    verifying.add_argument("--image", required=True, help="by digest")
    keeping = add_for_environment(
        "keep", _keep, "note that an environment runs images, so that the registry keeps them"
    )
    keeping.add_argument("images", nargs="+", help="by digest")
    add("resolve", _resolve, "which commit and page belong to an image").add_argument("image", help="by digest")
    reading = add("manifest", _manifest, "write the manifest of an image: what a signature of the image is about")
    reading.add_argument("image", help="by digest")
    reading.add_argument("--output", required=True, help="file to write")
    adopting = add_for_environment("adopt", _adopt, "find what an earlier stack left, for cdk import")
    adopting.add_argument("--output", required=True, help="file of the resource mapping")
    add_for_environment("test-alarm", _test_alarm, "set one alarm off, and see whether its message leaves")
    costing = add("costs", _costs, "what an idle month costs in each environment, as Markdown")
    costing.add_argument("environments", nargs="*", metavar="ENVIRONMENT", help="which; all, if left out")
    add("empty", _empty, "delete a bucket that cdk destroy left, after asking").add_argument("bucket")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def _preflight(options: argparse.Namespace) -> int:
    """Print one line a check; gives 0 unless a deploy would fail."""
    environment = load_environment(options.environment)
    skipped = [name.strip() for name in options.skip.split(",") if name.strip()]
    findings = preflight.preflight(environment, skip=skipped)
    for finding in findings:
        print(f"{finding.kind.value:<6}  {finding.name}: {finding.said}")
    print(f"preflight {environment.name}: {preflight.summary(findings)}")
    return int(any(finding.kind is preflight.Kind.FIX for finding in findings))


def _fetch(options: argparse.Namespace) -> int:
    _say(f"the model is in {model_folder(load_environment(options.environment).model)}")
    return 0


def _publish(options: argparse.Namespace) -> int:
    published = publish.publish(load_environment(options.environment), options.tag)
    for name, image in published.items():
        print(f"{name}={image.uri}")
        print(f"{name}_digest={image.digest}")
    print(f"registry={published['image'].uri.partition('@')[0]}")
    return 0


def _verify(options: argparse.Namespace) -> int:
    _say(release.verify(load_environment(options.environment), read_reference(options.image)))
    return 0


def _keep(options: argparse.Namespace) -> int:
    images = [read_reference(image) for image in options.images]
    for tag in release.keep(load_environment(options.environment), images):
        _say(f"kept as {tag}")
    return 0


def _resolve(options: argparse.Namespace) -> int:
    for name, value in release.resolve(read_reference(options.image)).items():
        print(f"{name}={value}")
    return 0


def _adopt(options: argparse.Namespace) -> int:
    _say(adopt.write_mapping(load_environment(options.environment), options.output))
    return 0


def _test_alarm(options: argparse.Namespace) -> int:
    _say(alarm_test.set_off(load_environment(options.environment)))
    return 0


def _manifest(options: argparse.Namespace) -> int:
    image = read_reference(options.image)
    Path(options.output).write_bytes(release.manifest(image))
    _say(f"{options.output} is the manifest of {image.uri}")
    return 0


def _costs(options: argparse.Namespace) -> int:
    chosen = [load_environment(name) for name in options.environments or NAMES]
    print(costs.table(chosen, read_prices()), end="")
    return 0


def _empty(options: argparse.Namespace) -> int:
    _say(empty_bucket.empty(options.bucket))
    return 0


if __name__ == "__main__":
    sys.exit(main())
