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
        }
    )
    assert settings == Settings(Path("/opt/model"), "up", "back", 1, 2, 3)


@pytest.mark.parametrize("text", ["", "-1", "0", "4.5e6", "many", "٣"])
def test_a_limit_that_is_no_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match="LEUKOLENS_MAX_PIXELS"):
        load_settings({"LEUKOLENS_MAX_PIXELS": text})


def test_a_misspelt_variable_is_refused_in_lambda_only() -> None:
    misspelt = {"LEUKOLENS_MODLE_DIR": "/opt/model"}
    assert load_settings(misspelt) == Settings()
    with pytest.raises(SettingsError, match=r"LEUKOLENS_MODLE_DIR.*LEUKOLENS_MODEL_DIR"):
        load_settings(misspelt | {"AWS_LAMBDA_FUNCTION_NAME": "leukolens"})
