"""What the Lambda image weighs."""

from typing import Any

from benchmarks.figures import bars, embed
from benchmarks.markdown import table, where


def section(results: dict[str, Any]) -> str:
    """Write the section of the page."""
    rows = [[name, f"{size:.1f}"] for name, size in results["largest_packages_mb"].items()]
    return "\n".join(
        [
            "## The Lambda image",
            "",
            where(results),
            "",
            f"{results['above_base_mb']} MB above its base image: packages {results['packages_mb']} MB, model"
            f" {results['model_mb']} MB, code {results['code_mb']} MB. The largest packages:",
            "",
            table(["package", "MB"], rows),
            embed("image", "The largest packages of the Lambda image, in megabytes"),
        ]
    )


def figures(results: dict[str, Any]) -> None:
    """Draw the largest packages."""
    sizes = results["largest_packages_mb"]
    bars("image", list(sizes), {"": list(sizes.values())}, "MB", log=False)
