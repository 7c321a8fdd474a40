"""``python -m release``: what goes out beside the images."""

import argparse
import logging
import sys
from collections.abc import Callable, Mapping, Sequence

from release import pages, version
from release.graphviz import ROOT

logger = logging.getLogger("leukolens.release")


def _pages() -> int:
    for path in pages.write():
        logger.info("wrote %s", path.relative_to(ROOT))
    return 0


def _translations() -> int:
    from release.translations import write

    for path in write():
        logger.info("wrote %s", path.relative_to(ROOT))
    return 0


def _house() -> int:
    from release.house import objections, read_imports

    broken = objections(read_imports())
    for line in broken:
        logger.error("%s", line)
    logger.info("house: %d objections", len(broken))
    return int(bool(broken))


def _licences() -> int:
    from release.licences import all_objections

    objections = all_objections()
    for line in objections:
        logger.error("%s", line)
    logger.info("licences: %d objections", len(objections))
    return int(bool(objections))


def _bills() -> int:
    from release.sbom import write

    for path in write():
        logger.info("wrote %s", path.relative_to(ROOT))
    return 0


def _audit() -> int:
    from release.audit import audit_all

    return audit_all()


def _version() -> int:
    sys.stdout.write(f"{version.version()}\n")
    return 0


def _notes() -> int:
    sys.stdout.write(version.notes())
    return 0


COMMANDS: Mapping[str, tuple[Callable[[], int], str]] = {
    "pages": (_pages, "write the pages and drawings of docs/ that are made from code"),
    "translations": (_translations, "bring the page's catalogues of other languages up to date, and compile them"),
    "house": (_house, "hold every import to the rules of the house"),
    "licences": (_licences, "hold the licence of every dependency to release/licences.toml"),
    "bills": (_bills, "write the bill of materials of each image into dist/, as CycloneDX"),
    "audit": (_audit, "ask for known vulnerabilities of every locked package; fails on those that have a fix"),
    "version": (_version, "print the version of the software"),
    "notes": (_notes, "print what CHANGELOG.md says of this version"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (_, description) in COMMANDS.items():
        commands.add_parser(name, help=description, description=description)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    return COMMANDS[parser.parse_args(arguments).command][0]()
