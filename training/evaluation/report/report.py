"""docs/evaluation.md, made from the results file alone: no number in it is typed.

What was tried besides, from a list that is kept by hand: ``docs/attempts.json``.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from training.data import corruptions
from training.data.labels import DataError
from training.data.splits import FEW_FIELDS
from training.evaluation import shortcuts
from training.evaluation.bootstrap import REPLICATES, RUN
from training.evaluation.metrics import BINS
from training.evaluation.report.targets import verdicts
from training.evaluation.report.wording import COLLECTIONS, METRICS, PROTOCOL, headline_of, interval, number, table
from training.evaluation.results import PROTOCOLS, RESULTS_NAME, Part, ProtocolResult, Results, StrangersResult
from untrusted import in_markdown


class Attempt(Part):
    """One tried recipe and the balanced accuracy of its contiguous folds."""

    name: str
    what: str
    contiguous: list[float]
    mean: float
    worst: float
    note: str = ""


def read_attempts(path: Path) -> list[Attempt]:
    """Read the list; none where there is no file.

    Raises
    ------
    DataError
        It is not such a list.
    """
    if not path.is_file():
        return []
    try:
        return TypeAdapter(list[Attempt]).validate_json(path.read_bytes())
    except ValidationError as error:
        location = ".".join(map(str, error.errors()[0]["loc"]))
        raise DataError(f"{path}: {location}: {error.errors()[0]['msg']}") from error


def render_attempts(attempts: list[Attempt]) -> list[str]:
    """Write the section, or nothing without attempts."""
    if not attempts:
        return []
    rows = [
        [
            attempt.name,
            attempt.what,
            ", ".join(number(score, 3) for score in attempt.contiguous),
            number(attempt.mean, 3),
            number(attempt.worst, 3),
            attempt.note,
        ]
        for attempt in attempts
    ]
    return [
        "## Attempts",
        "",
        "What was tried to raise the contiguous folds, whether it helped or not; balanced accuracy.",
        "",
        *table(["attempt", "what", "folds", "mean", "worst", "note"], rows),
        "",
    ]


_HEAD = f"""# Evaluation

Made by `python -m training evaluate` from [{RESULTS_NAME}]({RESULTS_NAME}); every number here is read from that
file. Research use, triage and not diagnosis: none of this says how the model does on patients of another
laboratory.
"""
_HOW = f"""## How it was measured

Every field is answered by an exported file that never saw it, through `inference`, the code that serves. Folds
are those of `training/data/splits.py`; each one's file is trained, calibrated and given its thresholds on the rest
of the data alone, by the recipe of the shipped file. A protocol's numbers are of its folds' answers pooled.

- **leave slides out**: no inferred slide ([slides.md](slides.md)) is on both sides. The nearest to new
  patients, and the headline. Each slide of {FEW_FIELDS} fields or more is left out alone, the smaller ones together, so
  that folds test few labels: read it pooled, and slide by slide.
- **contiguous**: runs of acquisition numbers with an embargo of 3 % of the label on each side. Slides are still
  shared, because the numbers interleave sources and return to slides.
- **random**: stratified by label. What papers on this data report; the neighbours of every test field are
  trained on.

Near-duplicates never straddle. **Intervals** hold 95 % of {REPLICATES} bootstrap replicates, which draw
contiguous runs of about {RUN} fields (Künsch 1989; length by Hall, Horowitz and Jing 1995) within each fold and
label, since neighbours are no independent samples. They tell how sure the number is for these slides, not for
new ones; where an interval is over whole slides, it draws slides within each label, and says more about new
ones. Expected calibration error: {BINS} bins (Naeini et al. 2015; Guo et al. 2017), whose bootstrap is biased
upwards. Triage accepted: not out of distribution, and the calibrated probability of malignant beyond one of the
card's thresholds. A pattern is accepted where, besides, exactly one label is in the prediction set.
"""
_SHORTCUTS = """What a field shows besides morphology, given to a small classifier that is trained and tested on the
same folds. A model is worth what it scores above these. Shortcuts may be in the model too: no evaluation on one
laboratory's slides can exclude it.
"""


def render(results: Results, attempts: list[Attempt], figures: Mapping[str, Path]) -> str:
    """Write the document.

    Parameters
    ----------
    figures
        By name, relative to the document.
    """
    sections = [
        [_HEAD, _provenance(results), ""],
        ["## Asked and reached", "", *_targets(results), ""],
        [
            "## Metrics",
            "",
            *_metrics(results),
            "",
            *_figure(figures, "confusion", "Confusion matrices, true label by row."),
        ],
        [
            "## Fold by fold",
            "",
            *_folds(results),
            *_figure(figures, "folds", "Balanced accuracy of each fold, shortcuts as marks."),
        ],
        ["## Shortcuts", "", _SHORTCUTS, *_shortcuts(results), ""],
        ["## Slide by slide", "", *_slides(results), ""] if results.slides else [],
        _magnified(results),
        _robustness(results, figures),
        ["## Strangers", "", *_strangers(results), ""],
        ["## Calibration and abstention", "", *_figure(figures, "reliability", "Reliability, area by count.")],
        _figure(figures, "risk-coverage", "Risk and coverage.") + _figure(figures, "roc", "ROC, its upper left part."),
        ["## Starting point and others", "", *_others(results), ""] if results.others else [],
        _sweeps(results),
        render_attempts(attempts),
        [_HOW, _versions(results), ""],
    ]
    return "\n".join(line for section in sections for line in section)


def headline(results: Results) -> str:
    """Sum up the results in a line or two."""
    lines = []
    for name, result in results.evidence.protocols.items():
        lines.append(f"{PROTOCOL[name]}: {headline_of(result.metrics)}")
    missed = [verdict.target for verdict in verdicts(results) if verdict.met is False]
    return "\n".join([*lines, f"not met: {'; '.join(missed) or 'nothing'}"])


def metric_table(results: Mapping[str, ProtocolResult]) -> list[str]:
    """Write every metric, a column a protocol."""
    protocols = [name for name in PROTOCOLS if name in results]
    rows = [
        [title, *(interval(results[protocol].metrics.get(name)) for protocol in protocols)]
        for name, title in METRICS.items()
        if any(name in results[protocol].metrics for protocol in protocols)
    ]
    rows += [
        [f"{kind}, {label}", *(interval(getattr(results[protocol], kind).get(label)) for protocol in protocols)]
        for kind in ("sensitivity", "specificity")
        for label in dict.fromkeys(label for protocol in protocols for label in results[protocol].sensitivity)
    ]
    head = [f"{PROTOCOL[protocol]} ({results[protocol].images} fields)" for protocol in protocols]
    return table(["", *head], rows)


def _provenance(results: Results) -> str:
    recipe = ", ".join(f"{name} {value}" for name, value in results.candidate.recipe.items())
    lines = [
        f"{results.created[:10]}; recipe `{results.name}` ({results.candidate.backbone}; {recipe or 'not recorded'}); "
        f"data manifest `{results.evidence.manifest_digest[:16]}`; shipped file `{results.model_sha256[:16]}`, which "
        "answered the strangers."
    ]
    if results.recipe_differences:
        differences = "; ".join(
            f"{name}: {folds} in the folds, {shipped} shipped"
            for name, (folds, shipped) in results.recipe_differences.items()
        )
        lines.append(f"**The folds were not made by the shipped file's very recipe**: {differences}.")
    if results.candidate.incomplete:
        missing = ", ".join(PROTOCOL[name] for name in results.candidate.incomplete)
        lines.append(f"**Not every fold was there** for: {missing}. Their numbers are of part of the data, or absent.")
    return "\n".join(lines)


def _targets(results: Results) -> list[str]:
    return table(
        ["asked", "reached", ""], [[verdict.target, verdict.reached, verdict.outcome] for verdict in verdicts(results)]
    )


def _metrics(results: Results) -> list[str]:
    return metric_table(results.evidence.protocols)


def _figure(figures: Mapping[str, Path], name: str, caption: str) -> list[str]:
    return [f"![{caption}]({figures[name].as_posix()})", ""] if name in figures else []


def _folds(results: Results) -> list[str]:
    """Write a table a protocol: recipes and shortcuts by row, folds by column."""
    lines = []
    for protocol in PROTOCOLS:
        if protocol not in results.evidence.protocols:
            continue
        tested_folds = results.evidence.protocols[protocol].folds
        scores = {results.name: tested_folds}
        scores |= {
            name: other.protocols[protocol].folds
            for name, other in results.others.items()
            if protocol in other.protocols
        }
        scores |= {
            f"shortcut: {name}": by_protocol[protocol]
            for name, by_protocol in results.shortcut_folds.items()
            if protocol in by_protocol
        }
        rows = []
        for name, folds in scores.items():
            by_fold = {fold.name: fold.balanced_accuracy for fold in folds}
            cells = [number(by_fold[fold.name]) if fold.name in by_fold else "-" for fold in tested_folds]
            has_summary = (
                len(by_fold) == len(tested_folds) and protocol != "slides"
            )  # whose folds test different labels
            values = list(by_fold.values())
            mean_and_worst = [number(sum(values) / len(values)), number(min(values))] if has_summary else ["-", "-"]
            rows.append([name, *cells, *mean_and_worst])
        head = [f"{fold.name} ({fold.images})" for fold in tested_folds]
        lines += [f"Balanced accuracy, {PROTOCOL[protocol]}; fields tested in brackets:", ""]
        lines += [*table(["", *head, "mean", "worst"], rows), ""]
    return lines


def _shortcuts(results: Results) -> list[str]:
    protocols = [name for name in PROTOCOLS if name in results.evidence.protocols]
    model = [interval(results.evidence.protocols[protocol].metrics["balanced_accuracy"]) for protocol in protocols]
    rows = [[f"**the model ({results.name})**", *model]]
    for name, scores in results.evidence.shortcuts.items():
        rows.append(
            [shortcuts.TOLD[name], *(number(scores[protocol]) if protocol in scores else "-" for protocol in protocols)]
        )
    return table(["balanced accuracy, pooled", *(PROTOCOL[protocol] for protocol in protocols)], rows)


def _slides(results: Results) -> list[str]:
    rows = [
        [
            in_markdown(slide.name),
            f"{slide.images}",
            number(slide.triage_accepted, 3),
            _share(slide.triage_right),
            number(slide.sensitivity, 3),
            in_markdown(slide.mistaken_for or "") or "-",
            number(slide.covered, 3),
            number(slide.accepted, 3),
            _share(slide.accepted_right),
            number(slide.turned_away, 3),
        ]
        for slide in results.slides
    ]
    head = ["slide", "fields", "triage accepted", "of these right", "label right", "most often mistaken for"]
    head += ["truth in the set", "pattern accepted", "of these right", "turned away"]
    return [
        "Each inferred slide, by files that were trained on no field of it: shares of its fields.",
        "",
        *table(head, rows),
    ]


def _share(value: float | None) -> str:
    return "-" if value is None else number(value, 3)


def _magnified(results: Results) -> list[str]:
    """Write the verdicts on fields at another magnification, and on scrambled ones."""
    evidence = results.evidence
    shown = {f"{name}x": magnified for name, magnified in evidence.magnifications.items()}
    if evidence.scrambled:
        shown["cut into 16 tiles and put together in another order"] = evidence.scrambled
    if not shown:
        return []
    rows = [
        [
            name,
            f"{magnified.images}",
            number(magnified.balanced_accuracy, 3),
            *(
                f"{share:.1%}"
                for share in (
                    magnified.out_of_distribution,
                    magnified.accepted,
                    magnified.accepted_wrong,
                    magnified.pattern_accepted,
                    magnified.pattern_wrong,
                )
            ),
        ]
        for name, magnified in shown.items()
    ]
    head = ["magnification", "fields", "balanced accuracy", "turned away", "triage accepted", "triage accepted, wrong"]
    head += ["pattern accepted", "pattern accepted, wrong"]
    return [
        "## Magnification",
        "",
        "Fields of slides left out as a weaker or a stronger objective would show them: mosaics of true neighbours, "
        "shrunk, and crops, enlarged. The pixel size is not told; shares are of all the fields of the row.",
        "",
        *table(head, rows),
        "",
    ]


def _robustness(results: Results, figures: Mapping[str, Path]) -> list[str]:
    rows = []
    for name, estimate in results.evidence.robustness.items():
        disturbed = results.disturbed[name]
        accepted = "-" if disturbed.accuracy_of_accepted is None else number(disturbed.accuracy_of_accepted)
        rows.append([corruptions.TOLD[name], interval(estimate), number(disturbed.coverage), accepted])
    if not rows:
        return []
    return [
        "## Robustness",
        "",
        "The contiguous test fields, disturbed, through the very files; thresholds are not set anew.",
        "",
        *table(["disturbance", "balanced accuracy", "coverage", "accuracy of the accepted"], rows),
        "",
        *_figure(figures, "robustness", "Balanced accuracy under each disturbance."),
    ]


def stranger_table(results: Results) -> list[str]:
    """Write how much of each OOD set is turned away, and what the rest is taken for."""
    ood_sets = results.evidence.strangers
    # In the order of ``COLLECTIONS``: other diseases first, then other laboratories, then what is no smear.
    names = [name for name in COLLECTIONS if name in ood_sets] + [name for name in ood_sets if name not in COLLECTIONS]
    rows = [
        [COLLECTIONS.get(name) or in_markdown(name), f"{ood_sets[name].images}", *_shares(ood_sets[name])]
        for name in names
    ]
    head = ["pictures that show no field of this laboratory", "n", "turned away", "accepted as benign"]
    return table([*head, "accepted as malignant"], rows)


def _strangers(results: Results) -> list[str]:
    return [
        "The shipped file's answers: triage. Its threshold was set on the laboratory's own slides alone. Other",
        "laboratories' leukaemia is to be turned away, too: nothing is known of how the model does on it.",
        "Synthetic smears are drawings: what the model says of them is no evidence for or against it.",
        "",
        *stranger_table(results),
    ]


def _shares(ood_set: StrangersResult) -> list[str]:
    shares = (ood_set.out_of_distribution, ood_set.accepted_as_benign, ood_set.accepted_as_malignant)
    return ["-" if share is None else f"{share:.2%}" for share in shares]


def _others(results: Results) -> list[str]:
    """Put other recipes beside the shipped one, metric by metric, on each protocol that they share."""
    lines = ["The same protocol, the same folds, the same code.", ""]
    for protocol in PROTOCOLS:
        other_results = {
            name: other.protocols[protocol] for name, other in results.others.items() if protocol in other.protocols
        }
        if protocol not in results.evidence.protocols or not other_results:
            continue
        columns = {results.name: results.evidence.protocols[protocol]} | other_results
        rows = [
            [title, *(interval(result.metrics.get(name)) for result in columns.values())]
            for name, title in METRICS.items()
            if any(name in result.metrics for result in columns.values())
        ]
        lines += [f"{PROTOCOL[protocol].capitalize()}:", ""]
        lines += [*table(["", *(f"{name} ({result.images} fields)" for name, result in columns.items())], rows), ""]
    for name, other in results.others.items():
        recipe = ", ".join(f"{key} {value}" for key, value in other.candidate.recipe.items()) or "not recorded"
        partly = f"; not every fold of {', '.join(other.candidate.incomplete)}" if other.candidate.incomplete else ""
        lines.append(
            f"- `{name}`: {other.candidate.backbone}, {other.candidate.size_bytes / 1e6:.1f} MB; {recipe}{partly}."
        )
    return lines


def _sweeps(results: Results) -> list[str]:
    if not results.sweeps:
        return []
    lines = ["## Sweeps", "", "Heads on frozen backbones, by `python -m training sweep` on the same data.", ""]
    for name, text in results.sweeps.items():
        lines += [f"`{name}`:", "", text.strip(), ""]
    return lines


def _versions(results: Results) -> str:
    return "Computed with " + ", ".join(f"{name} {version}" for name, version in results.versions.items()) + "."
