"""What answer an image of the demonstration should get, beside the one that it got."""

from dataclasses import dataclass

from api.schemas import Prediction

from .fields import Field


@dataclass(frozen=True, slots=True)
class Comparison:
    """One row of the demonstration: what was expected, what came, and in words whether they agree."""

    expected: str
    answer: str
    outcome: str
    style: str


def compare(field: Field, answer: Prediction) -> Comparison:
    """Compare an answer with what its image is: a drawing should be turned away, a real smear recognised."""
    verdict = answer.prediction.verdict
    answered = "turned away: no smear that the model knows"
    if verdict != "out_of_distribution":
        answered = answer.summary or answer.prediction.label or verdict
    if field.kind == "synthetic":
        expected, fits = "turned away: it is a drawing", verdict == "out_of_distribution"
    else:
        expected, fits = field.known_as, verdict == "accepted" and answer.prediction.label == field.known_as
    if fits:
        return Comparison(expected, answered, "yes, as it should be", "green")
    if field.kind == "real" and verdict != "accepted":
        what = "the pattern" if answer.triage and answer.triage.verdict == "accepted" else "it"
        return Comparison(expected, answered, f"no: {what} is left to a person", "yellow")
    return Comparison(expected, answered, "no", "red")


def introduce(fields: list[Field]) -> str:
    """Say in one line what is shown."""
    drawn = sum(field.kind == "synthetic" for field in fields)
    drawings = f"{drawn} drawings of this project, no smears: the model should turn them away"
    if drawn == len(fields):
        return f"{drawings}."
    return f"{drawings}; and {len(fields) - drawn} real smears, which it should know."


def next_step(fields: list[Field]) -> str:
    """Give the one command that shows a real answer, or with real smears at hand, an answer about the reader's own."""
    if any(field.kind == "real" for field in fields):
        return "make predict IMAGE=path/to/your/field.jpg"
    return "make data demo (fetches a public set of real smears, and shows answers about some of them)"
