"""One field's result, as a card."""

import streamlit as st

from api.schemas import ModelSummary, Prediction
from frontend import charts, pictures, theme
from frontend.wording import VERDICTS, malignant_in_words, pattern, percent, possible
from frontend.workspace import SmearField
from untrusted import in_html, in_markdown

CALIBRATED = (
    "Calibrated: adjusted so that of 100 answers with a probability of 90 %, about 90 are right. The view Model shows "
    "how well that holds."
)


def show(field: SmearField, number: int, card: ModelSummary | None) -> None:
    """Show an answered field: picture, label, verdict, probabilities.

    Parameters
    ----------
    field : SmearField
        A field in state ``answered``.
    number : int
        Its place on the page, from 1.
    card : ModelSummary or None
        The model's card, for the threshold; None where it could not be read.
    """
    prediction = field.answer
    verdict = prediction.prediction.verdict
    with st.container(border=True, key=f"card-{verdict}-{field.key[:12]}"):
        picture, result, chances = st.columns([5, 6, 6], gap="medium")
        with picture:
            st.html(picture_of(field))
        with result:
            _result(field, prediction, number)
        with chances:
            _chances(prediction, card)


def _result(field: SmearField, prediction: Prediction, number: int) -> None:
    decision = prediction.prediction
    words = VERDICTS[decision.verdict]
    st.caption(f"Field {number} · {named(field)}")
    if decision.verdict == "accepted":
        st.header(decision.label, anchor=False)
        st.markdown(f"Probability **{percent(decision.probability)}** · {pattern(decision.label)}")
    else:
        st.header("No label", anchor=False)
        if decision.verdict == "uncertain":
            st.markdown(f"Most probable: {decision.label} ({percent(decision.probability)}), **not to be used**")
    st.badge(words.title, icon=words.icon, color=words.tone)
    st.markdown(words.meaning)
    st.markdown(f"**Next:** {words.next_step}")


def _chances(prediction: Prediction, card: ModelSummary | None) -> None:
    decision = prediction.prediction
    known = decision.verdict != "out_of_distribution"
    chosen = decision.label if decision.verdict == "accepted" else None
    threshold = card.prediction_set.minimum_probability if card and known else None
    if known:
        line = f" A pattern over the dashed line ({percent(threshold)}) is possible." if threshold else ""
        st.caption(f"Probability of each pattern, calibrated.{line}", help=CALIBRATED)
    else:
        st.caption(prediction.reason or "The model does not know such images.")
    if prediction.probabilities is not None:
        st.altair_chart(
            charts.probability_bars(prediction.probabilities, chosen, threshold, theme.ink()),
            alt=charts.in_words(prediction.probabilities),
        )
        st.markdown(
            f"Possible: **{possible(prediction.prediction_set)}** · **{malignant_in_words(prediction)}**",
            help="Malignant: the probabilities of all malignant patterns together.",
        )
    for note in prediction.notes:
        st.caption(note)
    with st.expander("Details", icon=":material/info:"):
        _details(prediction, card)


def _details(prediction: Prediction, card: ModelSummary | None) -> None:
    limit = f" (known up to {card.out_of_distribution.threshold:.3g})" if card else ""
    image = prediction.image
    rows = {
        "Strangeness score": f"{prediction.out_of_distribution_score:.3g}{limit}",
        "Image": f"{image.format}, {image.width} x {image.height} px",
        "Image SHA-256": f"`{image.sha256}`",
        "Model": f"version {prediction.model.version}",
        "Model SHA-256": f"`{prediction.model.sha256}`",
        "Request": f"`{prediction.request_id}`",
    }
    st.markdown("\n".join(f"- **{name}:** {value}" for name, value in rows.items()))


def picture_of(field: SmearField) -> str:
    """Lay the heat map over the picture; how strongly is set for the whole page (see ``theme.heat_strength``)."""
    if field.preview is None:
        return "<p>The picture cannot be shown; the answer stands.</p>"
    source = pictures.data_uri(field.preview, "image/jpeg")
    layers = f'<img src="{source}" alt="{alternative(field)}">'
    if field.heat is not None:
        heat = pictures.data_uri(field.heat, "image/webp")
        text = f"Where the model looked for {in_html(field.answer.prediction.label or 'the likest pattern')}"
        layers += f'<img class="leukolens-heat" src="{heat}" alt="{text}">'
    return f'<div class="leukolens-picture">{layers}</div>'


def alternative(field: SmearField) -> str:
    """Name a field's picture for a reader who does not see it, safe inside an attribute of HTML."""
    return in_html(f"Smear field {field.name}")


def named(field: SmearField) -> str:
    """Write a field's file name, and that it is synthetic where it is."""
    return plain(field.name) + (" · **synthetic**" if field.synthetic else "")


def plain(name: str) -> str:
    """Write a file name so that nothing in it is read as Markdown."""
    return in_markdown(name)
