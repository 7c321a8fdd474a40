import re
import threading
from pathlib import Path

import pytest

from frontend import translation
from frontend.workplace.assets import FILES
from frontend.workplace.words import words
from release import translations

PLACE = re.compile(r"\{\w+\}")
SAID = re.compile(r"""\bsay\(\s*["'](\w+)["']""")


def test_there_is_a_language_besides_english():
    assert [path.parents[1].name for path in translations.catalogues()] == ["de"]
    assert translation.LANGUAGES == ("en", "de")


@pytest.mark.parametrize("path", translations.catalogues(), ids=lambda path: path.parents[1].name)
def test_a_catalogue_is_complete_and_compiled(path: Path):
    assert translations.missing(path) == [], "python -m release translations adds them, to be translated"
    assert path.with_suffix(".mo").read_bytes() == translations.compiled(path), "python -m release translations"


@pytest.mark.parametrize("path", translations.catalogues(), ids=lambda path: path.parents[1].name)
def test_what_is_filled_in_stands_in_every_translation(path: Path):
    known = translations.load(path)
    wrong = [
        text
        for text in translations.texts()
        if sorted(PLACE.findall(text)) != sorted(PLACE.findall(str(getattr(known.get(text), "string", ""))))
    ]
    assert wrong == []


def test_a_text_that_is_new_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(translations, "OF_THE_API", ("A text that nobody has translated.",))
    assert translations.missing(translations.catalogues()[0]) == ["A text that nobody has translated."]


def test_every_word_of_the_scripts_has_a_text():
    said = {key for name, content in FILES.items() if name.endswith(".js") for key in SAID.findall(content.decode())}
    assert said - set(words()) == set()


def test_a_language_is_taken_by_its_code_alone_and_kept_for_what_is_made_later():
    try:
        assert translation.choose("de-CH") == "de"
        assert translation._("Specimen") == "Pr\u00e4parat"
        later = translation.in_this_language(lambda: translation._("Specimen").encode())
        made: list[bytes] = []
        thread = threading.Thread(target=lambda: made.append(later()))  # which begins in English
        thread.start()
        thread.join()
        assert made == ["Pr\u00e4parat".encode()]
        assert translation.choose("xx") == "en"
    finally:
        translation.choose("en")
