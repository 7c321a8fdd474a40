"""``python -m infra preflight ENV``: exit code 0 only if a deploy would get past every check."""

import argparse
import sys

from infra.environments import ConfigError, load_environment
from infra.preflight import preflight


def main() -> int:
    """Print one line a check."""
    parser = argparse.ArgumentParser(prog="python -m infra")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("preflight", help="what would fail in a deploy").add_argument("environment")
    try:
        environment = load_environment(parser.parse_args().environment)
    except ConfigError as error:
        print(f"leukolens: {error}", file=sys.stderr)
        return 1
    findings = preflight(environment)
    for finding in findings:
        print(f"{'ok  ' if finding.ok else 'FIX '}  {finding.name}: {finding.said}")
    failed = sum(not finding.ok for finding in findings)
    print(f"preflight {environment.name}: {len(findings) - failed} passed, {failed} failed")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
