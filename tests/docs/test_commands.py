"""Every command of the pages runs, is shown by a named test, or says what it needs."""

import contextlib
import functools
import importlib.util
import itertools
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from training.models.recipes import SETTINGS

from .blocks import PAGES, ROOT, Block, blocks, spoken

BLOCKS = [block for page in PAGES for block in blocks(page)]
SHELL = [block for block in BLOCKS if block.language == "sh"]
RUN = [block for block in BLOCKS if block.language in {"sh", "python"} and not block.marked]
# Everything that a block may hold beside what is run: output, answers, settings.
SHOWN_ONLY = {"text", "json", "toml", "yaml", "ini", "math", "xml"}
_SERVICE = re.compile(r"http://(?:127\.0\.0\.1|localhost):8000")


def _place(block: Block) -> str:
    return block.place


def test_there_is_something_to_check():
    assert len(RUN) >= 5
    assert len(SHELL) > len([block for block in RUN if block.language == "sh"])


@pytest.mark.parametrize("block", BLOCKS, ids=_place)
def test_a_block_says_what_it_is(block: Block):
    assert block.language in {"sh", "python", *SHOWN_ONLY}, (
        f"{block.place}: commands are a block of sh, output a block of text"
    )
    assert block.marked or not block.info, f"{block.place}: a title starts with 'Needs AWS' or 'Takes'"


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.tests], ids=_place)
def test_the_tests_that_show_a_block_exist(block: Block):
    for file, name in block.tests:
        assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE), f"{block.place}: {file}::{name}"


@pytest.mark.parametrize("block", RUN, ids=_place)
def test_a_block_works(block: Block, service: str, clone: Path, reader: dict[str, str]):
    program = ["bash", "-euo", "pipefail", "-c"] if block.language == "sh" else [sys.executable, "-c"]
    command = [*program, _SERVICE.sub(service, block.body)]
    # A session of its own, so that whatever the block started ends with it.
    with subprocess.Popen(
        command, cwd=clone, env=reader, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    ) as running:
        try:
            said, _ = running.communicate(timeout=500)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGTERM)
    assert running.returncode == 0, f"{block.place} failed:\n{said.decode(errors='replace')}"


def _words() -> dict[tuple[str, ...], str]:
    """Give every command that is written anywhere, with one place of it."""
    written = {tuple(words): block.place for block in SHELL for words in block.commands}
    told = {tuple(words): str(page.relative_to(ROOT)) for page in PAGES for words in spoken(page)}
    return written | told


def test_make_targets_and_their_variables_exist():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z-]+(?: [a-z-]+)*):", makefile, re.MULTILINE))
    targets = set(itertools.chain.from_iterable(names.split() for names in targets))
    for words, place in _words().items():
        if words[0] != "make":
            continue
        for word in words[1:]:
            name, setting, _ = word.partition("=")
            known = f"$({name})" in makefile or f"$(or $({name})" in makefile or f"{name} ?=" in makefile
            assert known if setting else name in targets, f"{place}: {' '.join(words)}"


@functools.cache
def _source(module: str) -> str:
    """Give a package's code; asking each command for its help would import TensorFlow again and again.

    ``terminal`` adds ``--format`` to the commands of all packages, and each setting of a recipe is an option.
    """
    folders = (ROOT / module.replace(".", "/"), ROOT / "terminal")
    recipe = [f'"--{name}"' for name in SETTINGS] if module == "training" else []
    return "".join([*(path.read_text() for folder in folders for path in folder.rglob("*.py")), *recipe])


def _commands() -> tuple[set[tuple[str, str, tuple[str, ...], str]], list[tuple[str, str]]]:
    """Give module, command, options and place of each ``python -m``; modules without commands of their own apart."""
    found = set()
    others = []
    for words, place in _words().items():
        if len(words) < 3 or Path(words[0]).name != "python" or words[1] != "-m":
            continue
        module, rest = words[2], words[3:]
        if not (ROOT / module.replace(".", "/") / "__main__.py").is_file():
            others.append((module, place))
            continue
        # A package named alone is told of, not called: its help would import every command's module.
        command = rest[0] if rest and re.fullmatch(r"[a-z]+", rest[0]) else ""
        if not rest:
            continue
        options = tuple(sorted(word.partition("=")[0] for word in rest if word.startswith("--")))
        found.add((module, command, options, place))
    return found, others


def test_modules_without_commands_exist():
    for module, place in _commands()[1]:
        assert importlib.util.find_spec(module), f"{place}: no module {module}"


def test_modules_commands_and_options_exist():
    for module, command, options, place in _commands()[0]:
        # A command may be a key of a table, an option an argument: both stand in the code as they are typed.
        for word in filter(None, [command, *options]):
            assert f'"{word}"' in _source(module), f"{place}: python -m {module} has no {word}"
