"""Who gets a token, and for what."""

import pytest


@pytest.fixture(scope="module")
def clients(dev):
    clients = dev["Identity"].resources("AWS::Cognito::UserPoolClient")
    return {"machine" if "Machine" in name else "people": found["Properties"] for name, found in clients.items()}


def _scopes(client):
    return {
        scope
        if isinstance(scope, str)
        else "".join(p if isinstance(p, str) else "smears" for p in scope["Fn::Join"][1])
        for scope in client["AllowedOAuthScopes"]
    }


def test_machines_get_tokens_by_client_credentials_only(clients):
    machine = clients["machine"]
    assert machine["AllowedOAuthFlows"] == ["client_credentials"]
    assert machine["GenerateSecret"] is True
    assert _scopes(machine) == {"smears/predict", "smears/feedback", "smears/batch"}


def test_people_sign_in_by_code_and_start_no_batch(clients):
    people = clients["people"]
    assert people["AllowedOAuthFlows"] == ["code"]
    assert "smears/batch" not in _scopes(people)
    assert people["CallbackURLs"] == ["http://localhost:8501/oauth2callback"]
    assert people["PreventUserExistenceErrors"] == "ENABLED"


def test_no_password_goes_through_the_clients(clients):
    """A client without the list has Cognito's own, in which passwords are allowed."""
    for client in clients.values():
        assert client["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]


def test_nobody_signs_up_and_production_asks_for_a_second_factor(dev, prod):
    for template, mfa in ((dev, "OPTIONAL"), (prod, "ON")):
        (pool,) = template["Identity"].properties("AWS::Cognito::UserPool")
        assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
        assert pool["MfaConfiguration"] == mfa
        assert pool["EnabledMfas"] == ["SOFTWARE_TOKEN_MFA"]
        assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] == 14


def test_production_keeps_its_users(prod):
    (pool,) = prod["Identity"].properties("AWS::Cognito::UserPool")
    assert pool["DeletionProtection"] == "ACTIVE"


def test_without_a_page_there_is_no_client_for_people(prod):
    assert len(prod["Identity"].resources("AWS::Cognito::UserPoolClient")) == 1
