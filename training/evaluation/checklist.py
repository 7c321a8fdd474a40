"""Where the reporting guidelines' items are answered; item names are paraphrased.

CLAIM 2024: Tejani et al., Radiol. Artif. Intell. 6(4):e240300, doi:10.1148/ryai.240300.
TRIPOD+AI: Collins et al., BMJ 385:e078378, 2024, doi:10.1136/bmj-2023-078378.
"""

from typing import NamedTuple

from training.evaluation.words import table

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
