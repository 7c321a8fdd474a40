"""The names that documents and figures use for protocols, metrics and collections."""

from training.evaluation.results import Estimate

PROTOCOL = {"slides": "leave slides out", "contiguous": "contiguous, 3 % embargo", "random": "random"}
METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "balanced_accuracy_by_slide": "balanced accuracy, interval over whole slides",
    "mean_fold_balanced_accuracy": "balanced accuracy, mean of the folds",
    "worst_fold_balanced_accuracy": "balanced accuracy, worst fold",
    "macro_precision": "precision, macro",
    "macro_recall": "recall, macro",
    "macro_f1": "F1, macro",
    "malignant_sensitivity": "malignant against benign: sensitivity",
    "malignant_specificity": "malignant against benign: specificity",
    "malignant_sensitivity_at_specificity": "malignant sensitivity at the threshold of specificity 0.97",
    "auroc": "AUROC, one against the rest, macro",
    "malignant_auroc": "AUROC, malignant against benign",
    "expected_calibration_error": "expected calibration error (15 bins)",
    "brier": "Brier score (sum over labels)",
    "coverage": "coverage: share accepted",
    "accuracy_of_accepted": "accuracy of the accepted",
    "out_of_distribution": "share turned away as out of distribution",
    "prediction_set_coverage": "truth is in the prediction set",
}
"""In the order of the tables."""
COLLECTIONS = {
    "bccd": "BCCD: real smears of other patients, stain and microscope, no leukaemia by its labels",
    "photographs": "photographs: crops at three scales of the 14 that ship in scikit-image",
    "medical": "other medical pictures that ship in scikit-image (phase contrast, tissue section, retina), crops",
    "noise": "noise: even, normal, in blocks, smooth",
    "blank": "blank fields: any colour; bare glass under a lamp",
    "synthetic": "the project's synthetic smears",
}


def number(value: float, decimals: int = 4) -> str:
    """Write a number."""
    return f"{value:.{decimals}f}"


def interval(one: Estimate | None, decimals: int = 4) -> str:
    """Write a number with its 95 % interval, or a dash."""
    if one is None:
        return "-"
    return f"{one.value:.{decimals}f} [{one.low:.{decimals}f}, {one.high:.{decimals}f}]"


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Write a table, as lines of Markdown; cells are Markdown already (see ``untrusted.in_markdown`` for names)."""
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
