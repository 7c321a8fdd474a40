"""The names that documents and figures use for protocols, metrics and collections."""

from collections.abc import Mapping

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
    "triage_coverage": "triage: share accepted",
    "triage_coverage_of_malignant": "triage: share accepted of malignant fields",
    "triage_coverage_of_benign": "triage: share accepted of benign fields",
    "triage_accuracy_of_accepted": "triage: right of the accepted",
    "triage_sensitivity_of_accepted": "triage: sensitivity of the accepted",
    "triage_specificity_of_accepted": "triage: specificity of the accepted",
    "triage_calibration_error": "triage: expected calibration error (15 bins)",
    "triage_worst_slide": "triage: right of the accepted, worst slide of 10 fields or more",
    "prediction_set_coverage_by_slide": "truth is in the prediction set, averaged over slides",
    "accuracy_of_accepted_by_slide": "accepted patterns right, averaged over slides",
    "turned_away_worst_slide": "share turned away, worst slide",
}
"""In the order of the tables."""
COLLECTIONS = {
    "segpc_mm": "**multiple myeloma**, Delhi (SegPC), letterboxed",
    "segpc_mm centre": "**multiple myeloma**, Delhi (SegPC), centre square",
    "MM": "**multiple myeloma**, Delhi (SN-AM)",
    "deepapl": "**acute myeloid leukaemia**, Baltimore, single cells (DeepAPL)",
    "bbbc041": "**malaria**, fields (BBBC041)",
    "ALL": "acute lymphoblastic leukaemia of another laboratory, Delhi (SN-AM)",
    "all_idb1": "acute lymphoblastic leukaemia of another laboratory, Milan, fields (ALL-IDB1)",
    "all_idb2": "single cells of another laboratory, Milan, blast or healthy (ALL-IDB2)",
    "lisc_field": "normal leukocytes, Tehran (LISC)",
    "zheng1": "normal leukocytes, Tecom (Zheng)",
    "bccd": "normal smears of other patients, stain and microscope (BCCD); the gate has learnt from it",
    "txl_pbc": "normal leukocytes (TXL-PBC); the gate has learnt from it",
    "txl_raabin": "normal leukocytes (Raabin, of TXL-PBC); the gate has learnt from it",
    "txl_bcd": "normal leukocytes (BCD, of TXL-PBC); the gate has learnt from it",
    "photographs": "photographs: crops at three scales of six that ship in scikit-image; the gate learns from others",
    "medical": "other medical pictures that ship in scikit-image (phase contrast, tissue section, retina), crops",
    "noise": "noise: even, normal, in blocks, smooth",
    "blank": "blank fields: any colour; bare glass under a lamp",
    "synthetic": "the project's synthetic smears",
}


def number(value: float, decimals: int = 4) -> str:
    """Write a number."""
    return f"{value:.{decimals}f}"


def interval(estimate: Estimate | None) -> str:
    """Write a number with its 95 % interval, or a dash."""
    if estimate is None:
        return "-"
    return f"{estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}]"


def headline_of(metrics: Mapping[str, Estimate]) -> str:
    """Sum up a protocol: what triage is worth where it is accepted, then the pattern."""
    triage = (
        f"triage accepted {interval(metrics['triage_coverage'])}, right of the accepted "
        f"{interval(metrics.get('triage_accuracy_of_accepted'))}, sensitivity of the accepted "
        f"{interval(metrics.get('triage_sensitivity_of_accepted'))}; "
        if "triage_coverage" in metrics
        else ""
    )
    return (
        f"{triage}pattern accepted {interval(metrics.get('coverage'))}, right of the accepted "
        f"{interval(metrics.get('accuracy_of_accepted'))}; balanced accuracy of every field "
        f"{interval(metrics.get('balanced_accuracy'))}"
    )


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """Write a table, as lines of Markdown; cells are Markdown already (see ``untrusted.in_markdown`` for names)."""
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]
