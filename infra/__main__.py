"""``python -m infra preflight ENV``, ``python -m infra publish ENV --tag TAG``, ``python -m infra empty BUCKET``."""

import argparse
import sys

from infra.config import Environment
from infra.environments import ConfigError, load_environment
from infra.operations.empty_bucket import empty
from infra.operations.preflight import preflight
from infra.operations.publish import publish
from infra.rehearsal.container import EngineError
from infra.rehearsal.program import ProgramError


def main() -> int:
    """Run one command; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("preflight", help="what would fail in a deploy").add_argument("environment")
    publishing = commands.add_parser("publish", help="build the image once and push it; prints it by its digest")
    publishing.add_argument("environment")
    publishing.add_argument("--tag", required=True, help="of the commit")
    emptying = commands.add_parser("empty", help="delete a bucket that cdk destroy left, after asking")
    emptying.add_argument("bucket")
    options = parser.parse_args()
    try:
        if options.command == "empty":
            print(empty(options.bucket))
            return 0
        environment = load_environment(options.environment)
        if options.command == "publish":
            print(publish(environment, options.tag))
            return 0
    except (ConfigError, EngineError, ProgramError) as error:
        print(f"leukolens: {error}", file=sys.stderr)
        return 1
    return _preflight(environment)


def _preflight(environment: Environment) -> int:
    """Print one line a check; gives 0 only if a deploy would get past every one."""
    findings = preflight(environment)
    for finding in findings:
        print(f"{'ok  ' if finding.ok else 'FIX '}  {finding.name}: {finding.said}")
    failed = sum(not finding.ok for finding in findings)
    print(f"preflight {environment.name}: {len(findings) - failed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
