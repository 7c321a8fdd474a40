"""The sections of an evaluation on the page."""

from collections.abc import Sequence

import streamlit as st

from frontend.evaluation import charts, tables, wording
from frontend.evaluation.evidence import Evidence, Protocol
from frontend.translation import _
from frontend.wording import NO_BREAK

DETAILED = "contiguous"
"""The protocol whose details are open first: the one that promotion goes by."""


def show(evidence: Evidence, labels: Sequence[str], ink: str) -> None:
    """Show an evaluation, from what matters most to the details.

    Parameters
    ----------
    evidence : Evidence
        Of the model that answers; may be empty.
    labels : Sequence[str]
        In the model's order.
    ink : str
        Colour of text, of the theme.
    """
    if evidence == Evidence():
        st.warning(_("This model carries no evaluation. Treat it as not tested."), icon=":material/help:")
        return
    if evidence.protocols:
        _metrics(evidence)
        _shortcut_audit(evidence, len(labels), ink)
        _details(evidence, list(labels), ink)
    if evidence.robustness:
        _robustness(evidence, ink)
    if evidence.strangers:
        _strangers(evidence)
    if evidence.others:
        st.subheader(_("Other figures"), anchor=False)
        tables.figures(evidence.others)
    _provenance(evidence)


def _ordered(evidence: Evidence) -> list[str]:
    """List the protocols that were measured, the kindest first."""
    known = [name for name in wording.PROTOCOLS if name in evidence.protocols]
    return known + [name for name in evidence.protocols if name not in known]


def _metrics(evidence: Evidence) -> None:
    names = _ordered(evidence)
    st.markdown(
        _("The model is tested on fields that it did not learn from. How these are chosen decides what a score means:")
        + "\n"
        + "\n".join(f"- **{wording.protocol_title(name)}.** {wording.protocol_meaning(name)}" for name in names)
    )
    measured = [key for key in wording.METRICS if any(key in evidence.protocols[name].metrics for name in names)]
    if measured:
        columns = {
            wording.protocol_title(name): [
                wording.estimate(evidence.protocols[name].metrics.get(key), plain=key in wording.PLAIN_NUMBERS)
                for key in measured
            ]
            for name in names
        }
        st.table({_("Figure"): [_(wording.METRICS[key]) for key in measured], **columns})
        st.caption(
            _("In brackets: 95 % intervals, from resampled runs of fields. They say nothing about new patients.")
        )


def _shortcut_audit(evidence: Evidence, classes: int, ink: str) -> None:
    st.subheader(_("Shortcut audit: what the model adds"), anchor=False)
    st.markdown(
        _(
            "In this data set, the patterns also differ in colour, background and density of cells. Each grey bar is "
            "the score of a simple classifier that sees only one such clue, and not the shape of a cell. What the "
            "model adds to the best of them is what it may have learned about cells."
        )
    )
    for name in _ordered(evidence):
        if evidence.protocols[name].score is None:
            continue
        st.markdown(f"**{wording.protocol_title(name)}:** {wording.gain(evidence, name)}".strip())
        st.altair_chart(charts.beside_shortcuts(evidence, name, ink), alt=wording.comparison(evidence, name))
    chance = f"{1 / max(1, classes):.0%}".replace("%", f"{NO_BREAK}%")
    st.caption(
        _(
            "Bars: balanced accuracy (guessing gives {chance}). Thin lines: 95 % intervals. Dots: each test set alone."
        ).format(chance=chance)
    )


def _details(evidence: Evidence, labels: list[str], ink: str) -> None:
    names = _ordered(evidence)
    st.subheader(_("In detail"), anchor=False)
    start = DETAILED if DETAILED in names else names[-1]
    chosen = st.segmented_control(
        _("Test fields"), names, default=start, format_func=wording.protocol_title, required=True, key="protocol"
    )
    protocol = evidence.protocols[chosen or start]
    left, right = st.columns(2, gap="large")
    with left:
        _confusion(protocol, labels, ink)
    with right:
        _by_label(protocol)
    left, right = st.columns(2, gap="large")
    with left:
        if protocol.reliability:
            st.markdown(
                _(
                    "**Are the probabilities right?** They are where dots lie on the dashed line. Large dots: many "
                    "fields."
                )
            )
            st.altair_chart(charts.reliability(protocol, ink), alt=wording.reliability(protocol))
    with right:
        if protocol.risk_coverage:
            st.markdown(_("**Errors that remain** when the least certain fields get no answer:"))
            st.altair_chart(charts.risk_coverage(protocol, ink), alt=wording.risk(protocol))


def _confusion(protocol: Protocol, labels: list[str], ink: str) -> None:
    if [len(row) for row in protocol.confusion] == [len(labels)] * len(labels):
        st.markdown(_("**True label and the model's label**, in fields:"))
        st.altair_chart(charts.confusion(protocol, labels, ink), alt=wording.confusion(protocol, labels))


def _by_label(protocol: Protocol) -> None:
    labels = [*protocol.sensitivity, *(label for label in protocol.specificity if label not in protocol.sensitivity)]
    if labels:
        st.markdown(_("**By label**"))
        columns = {
            _("Sensitivity"): [wording.estimate(protocol.sensitivity.get(label)) for label in labels],
            _("Specificity"): [wording.estimate(protocol.specificity.get(label)) for label in labels],
        }
        st.table({_("Label"): labels, **columns})


def _robustness(evidence: Evidence, ink: str) -> None:
    st.subheader(_("Changed images"), anchor=False)
    st.markdown(_("Balanced accuracy on the same test fields, changed as another camera or stain might change them:"))
    st.altair_chart(charts.robustness(evidence, ink), alt=wording.robustness(evidence))


def _strangers(evidence: Evidence) -> None:
    st.subheader(_("Images of other things"), anchor=False)
    st.markdown(_("For each of these, the right answer is: not known to the model."))
    ood_sets = list(evidence.strangers.values())
    st.table(
        {
            _("Pictures"): [wording.stranger(name) for name in evidence.strangers],
            _("Number"): [str(ood_set.images) for ood_set in ood_sets],
            _("Not known to the model"): [wording.share(ood_set.out_of_distribution) for ood_set in ood_sets],
            _("Accepted"): [wording.share(ood_set.accepted) for ood_set in ood_sets],
            _("Accepted as malignant"): [
                _("not measured")
                if ood_set.accepted_as_malignant is None
                else wording.share(ood_set.accepted_as_malignant)
                for ood_set in ood_sets
            ],
        }
    )


def _provenance(evidence: Evidence) -> None:
    sentences = []
    if evidence.parity:
        same = wording.share(evidence.parity.agreement)
        sentences.append(
            _(
                "The file in use gives the trained network's label on {same} of {images} images, and its probabilities "
                "differ by {difference} at most."
            ).format(same=same, images=evidence.parity.images, difference=wording.tiny(evidence.parity.max_difference))
        )
    if evidence.manifest_digest:
        sentences.append(_("Data: manifest {digest}.").format(digest=f"`{evidence.manifest_digest}`"))
    if evidence.unread:
        sentences.append(_("Not shown, as this page cannot read it: {parts}.").format(parts=", ".join(evidence.unread)))
    if sentences:
        st.caption(" ".join(sentences))
