"""Classifies one image in this process, without a server."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from api.schemas import RESEARCH_USE_WARNING
from inference import Answer, load
from terminal import Column, Table, open_console
from untrusted import in_terminal


def predict(image: Path, model_dir: Path) -> None:
    """Classify one image file and print what the model says.

    Raises
    ------
    ModelError
        When the model cannot be loaded.
    ImageError
        When the file holds no image that can be read.
    OSError
        When there is no such file.
    """
    data = image.read_bytes()
    classifier = load(model_dir)
    _show(open_console(), image, classifier.predict(data), classifier.card.version)


def _show(console: Console, image: Path, answer: Answer, version: str) -> None:
    picture = answer.picture
    console.print(Text(in_terminal(f"{image}: {picture.format}, {picture.width} x {picture.height} pixels")))
    console.print(Text(in_terminal(answer.summary), "bold"))
    if answer.reason:
        console.print(Text(in_terminal(answer.reason)))
    triage = answer.triage
    if triage is not None and triage.probability is not None:
        console.print(f"Triage: {triage.result}, {triage.verdict}; malignant {triage.probability:.3f}", highlight=False)
    console.print(Text(in_terminal(f"Pattern: {answer.label or 'none'}, {answer.verdict.replace('_', ' ')}")))
    if answer.probabilities is not None:
        table = Table(["label", Column("probability", right=True), "in the prediction set"])
        for label, probability in sorted(answer.probabilities.items(), key=lambda item: -item[1]):
            table.add(label, f"{probability:.3f}", "yes" if label in answer.prediction_set else "")
        table.write(console)
    console.print(f"Model {version}.", highlight=False)
    console.print(RESEARCH_USE_WARNING)
