import pytest

from frontend.settings import SettingsError, read


def test_defaults_are_for_a_laptop():
    settings = read({})
    assert settings.api_url == "http://127.0.0.1:8000"
    assert settings.transport == "websocket"


def test_values_come_from_the_environment():
    settings = read({"LEUKOLENS_API_URL": "https://api.example.org", "LEUKOLENS_TRANSPORT": "polling"})
    assert (settings.api_url, settings.transport) == ("https://api.example.org", "polling")


def test_variables_of_other_parts_are_ignored():
    assert read({"LEUKOLENS_MODEL_DIR": "/models", "PATH": "/bin"}) == read({})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LEUKOLENS_API_ULR", "http://127.0.0.1:8000"),
        ("LEUKOLENS_API_URL", "not an address"),
        ("LEUKOLENS_API_TIMEOUT_S", "-1"),
        ("LEUKOLENS_TRANSPORT", "pigeon"),
    ],
)
def test_what_is_not_a_setting_is_refused_by_name(variable: str, value: str):
    with pytest.raises(SettingsError, match=variable):
        read({variable: value})
