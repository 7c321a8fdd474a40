from pathlib import Path

import pytest
from settings import Settings, SettingsError, load_settings


def test_without_variables_the_defaults_hold() -> None:
    settings = load_settings({})
    assert settings == Settings()
    assert settings.max_body_bytes == 4_500_000
    assert settings.max_pixels == 100_000_000
    assert (settings.model_dir / "model.json").is_file()


def test_every_setting_has_its_variable() -> None:
    settings = load_settings(
        {
            "LEUKOLENS_MODEL_DIR": "/opt/model",
            "LEUKOLENS_UPLOADS_BUCKET": "up",
            "LEUKOLENS_FEEDBACK_BUCKET": "back",
            "LEUKOLENS_MAX_BODY_BYTES": "1",
            "LEUKOLENS_MAX_PIXELS": "2",
            "LEUKOLENS_MAX_UPLOAD_BYTES": "3",
            "LEUKOLENS_THREADS": "4",
            "LEUKOLENS_MODELS_DIR": "/opt/models",
            "LEUKOLENS_DEFAULT_MODEL": "ours",
            "LEUKOLENS_MODEL_SHA256": "a" * 64,
            "LEUKOLENS_FEEDBACK_DAYS": "30",
            "LEUKOLENS_ANSWERED_FILE": "/var/answered",
        }
    )
    places = (Path("/opt/models"), "ours", "a" * 64, 30, Path("/var/answered"))
    assert settings == Settings(Path("/opt/model"), "up", "back", 1, 2, 3, 4, *places)


def test_a_digest_is_of_the_default_model_or_of_the_one_that_it_names() -> None:
    assert Settings().digest_of("default") is None
    one = Settings(Path("/opt/model"), model_sha256="a" * 64)
    assert (one.digest_of("model"), one.digest_of("other")) == ("a" * 64, None)
    two = Settings(Path("/opt/model"), model_sha256=f"model={'a' * 64}, other={'b' * 64}")
    assert (two.digest_of("model"), two.digest_of("other")) == ("a" * 64, "b" * 64)


@pytest.mark.parametrize("digest", ["abc", "A" * 64, "other=", f"other={'a' * 63}"])
def test_what_is_no_digest_is_refused_by_name(digest: str) -> None:
    with pytest.raises(SettingsError, match="LEUKOLENS_MODEL_SHA256"):
        load_settings({"LEUKOLENS_MODEL_SHA256": digest})


@pytest.mark.parametrize("text", ["", "-1", "0", "4.5e6", "many", "٣"])
def test_a_limit_that_is_no_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match="LEUKOLENS_MAX_PIXELS"):
        load_settings({"LEUKOLENS_MAX_PIXELS": text})


def test_a_misspelt_variable_is_refused_in_lambda_only() -> None:
    misspelt = {"LEUKOLENS_MODLE_DIR": "/opt/model"}
    assert load_settings(misspelt) == Settings()
    with pytest.raises(SettingsError, match=r"LEUKOLENS_MODLE_DIR.*LEUKOLENS_MODEL_DIR"):
        load_settings(misspelt | {"AWS_LAMBDA_FUNCTION_NAME": "leukolens"})
