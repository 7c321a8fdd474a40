"""Classify: images in, one card a field out."""

import streamlit as st

from api.schemas import IMAGE_SUFFIXES
from client import LeukolensClient
from frontend import cards, classification, paging, samples, service, session, settings, sign_in, theme, uploads
from frontend.wording import TRY_LATER
from frontend.workspace import Workspace

TYPES = sorted(suffix.removeprefix(".") for suffix in IMAGE_SUFFIXES)
CARDS_A_PAGE = 10


def render() -> None:
    """Show the view."""
    workspace: Workspace = session.workspace()
    st.title("Classify smear fields", anchor=False)
    st.markdown(
        "Add images of single microscope fields. For each, the model says which of four patterns it sees: **Benign**, "
        "or acute lymphoblastic leukaemia of the type **Early** (early pre-B), **Pre** (pre-B) or **Pro** (pro-B). It "
        "shows how sure it is and where it looked, and it says when it does not know."
    )
    _take_in(workspace)
    if workspace.of("waiting"):
        _classify(workspace, service.connect())
    _problems(workspace)
    _results(workspace)


def _take_in(workspace: Workspace) -> None:
    drop, tries = st.columns([3, 2], gap="medium")
    with drop:
        # A new key empties the uploader once its files are in the workspace, so that bytes are not held twice.
        turn = st.session_state.setdefault("upload_turn", 0)
        files = st.file_uploader(
            "Drag your images here, or choose them (JPEG, PNG, TIFF, BMP or WebP)",
            TYPES,
            accept_multiple_files=True,
            key=f"upload-{turn}",
        )
        if files:
            for name in uploads.refused():
                workspace.refuse(name)
            for file in files:
                workspace.add(file.name, file.getvalue())
            uploads.release(files)
            st.session_state["upload_turn"] = turn + 1
            if (chosen := session.chosen_meanwhile()) is not None:
                st.switch_page(chosen)  # the files wait here until their reader is back
            # The new uploader is there before anything is classified: on the old one, further files would be lost.
            st.rerun()
    with tries:
        _samples(workspace)


def _samples(workspace: Workspace) -> None:
    paths = samples.synthetic()
    if not paths:
        return
    st.markdown("Or try a **synthetic** sample. It is drawn by a program, and is no real smear:")
    with st.container(horizontal=True, gap="small"):
        for path in paths:
            if st.button(samples.title(path), key=f"sample-{path.stem}"):
                workspace.add(path.name, path.read_bytes())


def _classify(workspace: Workspace, client: LeukolensClient) -> None:
    waiting = workspace.of("waiting")
    total = len(waiting)
    bar = st.progress(0.0, f"Classifying 0 of {total}")
    settled = classification.classify(
        waiting, lambda data: client.predict(data, explain=True), settings.current().page_workers
    )
    for count, _ in enumerate(settled, 1):
        bar.progress(count / total, f"Classifying {count} of {total}")
    st.rerun()


def _problems(workspace: Workspace) -> None:
    unanswered, refused = workspace.of("unanswered"), workspace.of("refused")
    if unanswered:
        with st.container(border=True, key="unanswered"):
            st.error(
                f"**{len(unanswered)} of {len(workspace.fields)} images got no answer.** {unanswered[0].problem}",
                icon=":material/cloud_off:",
            )
            st.markdown(f"Your images are still here: you need not add them again. {TRY_LATER}")
            if st.button("Try again", type="primary", icon=":material/refresh:"):
                workspace.ask_again()
                st.rerun()
            sign_in.offer_again()
    if refused:
        with st.container(border=True, key="refused"):
            noun = "1 file was" if len(refused) == 1 else f"{len(refused)} files were"
            st.warning(
                f"**{noun} not classified.** This changes nothing for the other files.",
                icon=":material/image_not_supported:",
            )
            st.markdown("\n".join(f"- **{cards.plain(field.name)}:** {field.problem}" for field in refused))
            if st.button("Hide this list", icon=":material/close:"):
                workspace.forget("refused")
                st.rerun()


def _results(workspace: Workspace) -> None:
    answered = workspace.of("answered")
    if not answered:
        return
    card = service.card_if_reached()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large", key="results"):
        st.header("1 field" if len(answered) == 1 else f"{len(answered)} fields", anchor=False)
        strength = st.slider("Heat map: where the model looked", 0, 100, 45, 5, format="%d %%", key="heat", width=320)
        if st.button("Clear all", icon=":material/delete:"):
            workspace.forget()
            st.rerun()
    theme.heat_strength(strength)
    newest_first = list(enumerate(answered, 1))[::-1]
    for number, field in paging.choose(newest_first, CARDS_A_PAGE, "page"):
        cards.show(field, number, card)
