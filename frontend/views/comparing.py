"""The part of the Model view that puts two models of the service side by side, on the reader's own fields."""

import streamlit as st

from api.schemas import ListedModel
from client import LeukolensError
from frontend import comparison, service, session, settings
from frontend.comparison import Comparison
from frontend.translation import _
from frontend.views import failure
from frontend.wording import plain
from frontend.workspace import Workspace


def render() -> None:
    """Show the part; nothing where the service has only one model."""
    workspace = session.workspace()
    usable = [model for model in workspace.models if model.problem is None]
    if len(usable) < 2:
        return
    st.header(_("Two models on the same fields"), anchor=False)
    in_use = workspace.model or next((model.name for model in usable if model.default), "")
    others = [model for model in usable if model.name != in_use]
    if not workspace.reported():
        st.info(_("Classify some fields first: both models are then compared on them."), icon=":material/compare:")
        return
    _ask(workspace, others, in_use)


def _ask(workspace: Workspace, others: list[ListedModel], in_use: str) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(
            _("Compare {model} with").format(model=in_use), [model.name for model in others], key="second"
        )
        clicked = st.button(_("Compare on my fields"), icon=":material/compare:")
    if clicked:
        bar = st.progress(0.0, _("The second model reads the fields."))
        try:
            lost = comparison.ask(
                workspace,
                service.connect(),
                name,
                settings.current().page_workers,
                lambda done, of: bar.progress(done / of),
            )
        except LeukolensError as error:
            failure.show(error, _("Not finished."))
            lost = []
        bar.empty()
        if lost:
            st.warning(
                _("The page no longer holds these files; add them again to compare them: {names}").format(
                    names=plain(", ".join(lost))
                ),
                icon=":material/image_not_supported:",
            )
    compared = comparison.compare(workspace, name)
    if compared.pairs:
        _show(compared, in_use, name)


def _show(compared: Comparison, first: str, second: str) -> None:
    differing = compared.differing
    same = len(compared.pairs) - len(differing)
    st.markdown(_("Both say the same of **{same}** of {fields} fields.").format(same=same, fields=len(compared.pairs)))
    st.table(
        [
            {first: first_title, second: second_title, _("Fields"): str(count)}
            for first_title, second_title, count in compared.counts
        ]
    )
    if differing:
        st.markdown(_("**Where they differ**, what may be malignant first:"))
        st.table(
            [
                {
                    _("No."): str(pair.field.number),
                    _("File"): plain(pair.field.name),
                    first: " ".join(filter(None, [pair.first.title, pair.first.certainty])),
                    second: " ".join(filter(None, [pair.second.title, pair.second.certainty])),
                }
                for pair in differing
            ]
        )
