"""``python -m benchmarks.scale``: write docs/scale.md from the result files, as ``make bench`` does at its end."""

from .page import TARGET, render


def main() -> None:
    """Compute the page."""
    TARGET.write_text(render(), "utf-8")
    print(TARGET)


if __name__ == "__main__":
    main()
