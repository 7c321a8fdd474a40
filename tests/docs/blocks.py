"""The fenced blocks of a page, and how each says that it is shown (docs/contributing.md has the rules)."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "samples" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>```+)(?P<language>[^\s`]*)(?: (?P<info>[^\n`]*))?\n(?P<body>.*?)^(?P=indent)(?P=fence)$",
    re.MULTILINE | re.DOTALL,
)
_TITLE = re.compile(r'title="(?P<title>(?:Needs (?:AWS|GitHub)|Takes \S).*)"')
_SHOWN = re.compile(r"<!-- shown by (?P<tests>[^>]+) -->\s*$")
_TEST = re.compile(r"(?P<file>tests/\S+\.py)::(?P<name>test_\w+)")


@dataclass(frozen=True)
class Block:
    """One fenced block, and the tests that show it (where it names some)."""

    page: Path
    line: int
    language: str
    info: str
    body: str
    tests: tuple[tuple[str, str], ...]

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def marked(self) -> bool:
        """Whether the block says why no test runs it as it stands."""
        return bool(self.tests or _TITLE.fullmatch(self.info))

    @property
    def commands(self) -> list[list[str]]:
        """Each command of a shell block as words; what a shell would expand stays as it is written."""
        lines = self.body.replace("\\\n", " ").splitlines()
        return [words for line in lines if (words := shlex.split(line, comments=True))]


def blocks(page: Path) -> list[Block]:
    """Read every fenced block of a page."""
    text = page.read_text()
    found = []
    for match in _FENCE.finditer(text):
        shown = _SHOWN.search(text[: match.start()])
        found.append(
            Block(
                page=page,
                line=text.count("\n", 0, match.start()) + 1,
                language=match["language"],
                info=match["info"] or "",
                body=re.sub(rf"^{match['indent']}", "", match["body"], flags=re.MULTILINE),
                tests=tuple((test["file"], test["name"]) for test in _TEST.finditer(shown["tests"])) if shown else (),
            )
        )
    return found


def spoken(page: Path) -> list[list[str]]:
    """Read every command inside a sentence or a table: code that starts with ``make`` or ``python -m``."""
    prose = _FENCE.sub("", page.read_text())
    found = re.findall(r"`((?:make|(?:\.venv/bin/)?python -m) [^`\n]+)`", prose)
    return [shlex.split(code) for code in found]
