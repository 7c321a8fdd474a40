"""Who may call the API: a Cognito pool, the scopes it can give, a client for machines and one for people."""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.config import Environment
from infra.constructs.nag import acknowledge
from infra.constructs.scopes import RESOURCE_SERVER, SCOPES
from infra.stack import Output
from infra.stacks.base import EnvironmentStack


class IdentityStack(EnvironmentStack):
    """The user pool of one environment.

    Machines get a token by client credentials; people sign in on the pool's hosted page, which the page redirects to.
    Nobody signs up: an administrator creates each person's account.

    Attributes
    ----------
    pool, machine, people
        The pool, its client for machines, and its client for the page (``None`` where no page is named).
    page_secrets
        What the page's process must know, by the variable that it reads.
    sign_in_url
        Base address of the hosted pages and of ``/oauth2/token``.
    """

    def __init__(self, app: Construct, environment: Environment) -> None:
        super().__init__(app, environment, "Identity", "identities and scopes")
        settings = environment.identity
        self.pool = cognito.UserPool(
            self,
            "Pool",
            user_pool_name=f"leukolens-{environment.name}",
            self_sign_up_enabled=False,
            sign_in_aliases=cognito.SignInAliases(email=True),
            sign_in_case_sensitive=False,
            mfa=cognito.Mfa.REQUIRED if settings.mfa == "required" else cognito.Mfa.OPTIONAL,
            # Codes by SMS can be taken over with the telephone number.
            mfa_second_factor=cognito.MfaSecondFactor(otp=True, sms=False),
            password_policy=cognito.PasswordPolicy(
                min_length=14, require_digits=True, require_lowercase=True, require_uppercase=True, require_symbols=True
            ),
            account_recovery=cognito.AccountRecovery.EMAIL_ONLY,
            deletion_protection=environment.deletion_protection,
            removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
            if environment.deletion_protection
            else cdk.RemovalPolicy.DESTROY,
        )
        acknowledge(
            self.pool,
            "AwsSolutions-COG8",
            "The Plus plan (compromised-password and risk checks) is billed per user; accounts are made by an "
            "administrator, with a second factor and long passwords.",
        )
        if settings.mfa != "required":
            acknowledge(
                self.pool, "AwsSolutions-COG2", "Holds test accounts; environments that hold people require it."
            )
        scopes = {
            name: cognito.ResourceServerScope(scope_name=name, scope_description=text) for name, text in SCOPES.items()
        }
        server = self.pool.add_resource_server("Smears", identifier=RESOURCE_SERVER, scopes=list(scopes.values()))
        granted = {name: cognito.OAuthScope.resource_server(server, scope) for name, scope in scopes.items()}

        self.machine = self.pool.add_client(
            "Machine",
            generate_secret=True,
            access_token_validity=cdk.Duration.hours(1),
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(client_credentials=True), scopes=list(granted.values())
            ),
        )
        _refuse_passwords(self.machine)
        self.people = self._people(environment.page.urls, granted) if environment.page.urls else None
        self.page_secrets = self._secrets(self.people) if self.people else {}
        domain = self.pool.add_domain(
            "SignIn", cognito_domain=cognito.CognitoDomainOptions(domain_prefix=settings.domain_prefix)
        )
        self.sign_in_url = f"https://{domain.domain_name}.auth.{self.region}.amazoncognito.com"
        cdk.CfnOutput(self, Output.USER_POOL_ID, value=self.pool.user_pool_id)
        cdk.CfnOutput(self, Output.MACHINE_CLIENT_ID, value=self.machine.user_pool_client_id)
        cdk.CfnOutput(self, Output.SIGN_IN_URL, value=self.sign_in_url)
        if self.people:
            cdk.CfnOutput(self, Output.PEOPLE_CLIENT_ID, value=self.people.user_pool_client_id)

    @property
    def clients(self) -> list[cognito.IUserPoolClient]:
        """List the clients whose tokens the API takes."""
        return [self.machine, self.people] if self.people else [self.machine]

    def _people(self, page_urls: tuple[str, ...], granted: dict[str, cognito.OAuthScope]) -> cognito.UserPoolClient:
        client = self.pool.add_client(
            "People",
            generate_secret=True,
            access_token_validity=cdk.Duration.hours(1),
            id_token_validity=cdk.Duration.hours(1),
            refresh_token_validity=cdk.Duration.hours(12),
            prevent_user_existence_errors=True,
            supported_identity_providers=[cognito.UserPoolClientIdentityProvider.COGNITO],
            o_auth=cognito.OAuthSettings(
                flows=cognito.OAuthFlows(authorization_code_grant=True),
                scopes=[
                    cognito.OAuthScope.OPENID,
                    cognito.OAuthScope.EMAIL,
                    cognito.OAuthScope.PROFILE,
                    granted["predict"],
                    granted["feedback"],
                ],
                # Where Streamlit's own st.login takes the answer.
                callback_urls=[f"{url}/oauth2callback" for url in page_urls],
                logout_urls=list(page_urls),
            ),
        )
        _refuse_passwords(client)
        return client

    def _secrets(self, people: cognito.UserPoolClient) -> dict[str, secretsmanager.Secret]:
        client = cast(cognito.CfnUserPoolClient, people.node.default_child)
        secrets = {
            "LEUKOLENS_OIDC_CLIENT_SECRET": secretsmanager.Secret(
                self,
                "PageClientSecret",
                description="The page's client of the user pool",
                secret_string_value=cdk.SecretValue.resource_attribute(client.attr_client_secret),
            ),
            "LEUKOLENS_OIDC_COOKIE_SECRET": secretsmanager.Secret(
                self,
                "PageCookieSecret",
                description="Signs the page's cookies",
                generate_secret_string=secretsmanager.SecretStringGenerator(
                    password_length=64, exclude_punctuation=True
                ),
            ),
        }
        for secret in secrets.values():
            acknowledge(
                secret,
                "AwsSolutions-SMG4",
                "One is made by Cognito with its client, the other ends every session when it changes: both are "
                "replaced by a deploy, not on a clock.",
            )
        return secrets


def _refuse_passwords(client: cognito.UserPoolClient) -> None:
    """Allow no flow that takes a password: what is not listed is off, and an absent list is Cognito's own, with SRP.

    CDK leaves the list out where none is chosen, and adds it only together with a flow.
    """
    cast(cognito.CfnUserPoolClient, client.node.default_child).explicit_auth_flows = ["ALLOW_REFRESH_TOKEN_AUTH"]
