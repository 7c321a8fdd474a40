"""One image, answered in this process without a server."""

from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.schemas import RESEARCH_USE_WARNING
from inference import Answer, load
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
    _show(Console(), image, classifier.predict(data), classifier.card.version)


def _show(console: Console, image: Path, answer: Answer, version: str) -> None:
    picture = answer.picture
    # As text: a name may hold Rich's markup.
    console.print(Text(in_terminal(f"{image}: {picture.format}, {picture.width} x {picture.height} pixels")))
    console.print(f"[bold]{answer.label}[/], probability {answer.probability:.3f}: {_meaning(answer)}", highlight=False)
    table = Table("label", "probability", "in the prediction set")
    for label, probability in sorted(answer.probabilities.items(), key=lambda item: -item[1]):
        table.add_row(label, f"{probability:.3f}", "yes" if label in answer.prediction_set else "")
    console.print(table)
    console.print(f"Malignant: {answer.malignant_probability:.3f}. Model {version}.", highlight=False)
    console.print(RESEARCH_USE_WARNING)


def _meaning(answer: Answer) -> str:
    return {
        "accepted": "accepted",
        "uncertain": "uncertain, the prediction set has not exactly one label",
        "out_of_distribution": "out of distribution, not a smear that the model knows: rely on none of it",
    }[answer.verdict]
