"""SageMaker training of one environment: who may run and start jobs, the MLflow App, logs, and a budget."""

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.config import Environment
from infra.constructs.budget import monthly_budget
from infra.constructs.image_function import RETENTION
from infra.constructs.nag import acknowledge
from infra.constructs.permissions import account_wide, allow, allow_objects
from infra.image import stage_training
from infra.stack import Output
from infra.stacks.base import EnvironmentStack
from infra.stacks.storage import StorageStack
from infra.stacks.training_launcher import launcher_policy
from infra.stacks.training_role import allow_image, allow_job, allow_tracking

_JOB_LOGS = "/aws/sagemaker/TrainingJobs"
_OWN_LOG = "service-role/AWSLambdaBasicExecutionRole"


class TrainingStack(EnvironmentStack):
    """Roles of training jobs and of whoever starts them, their image, the MLflow App, logs and a budget.

    Attributes
    ----------
    job_role
        What a job is: reads the data bucket, writes below ``training/`` of the models bucket, logs to MLflow.
    """

    def __init__(self, app: Construct, environment: Environment, *, storage: StorageStack) -> None:
        super().__init__(app, environment, "Training", "training jobs and their tracking")
        name, settings = f"leukolens-{environment.name}", environment.training
        self.job_role = self._role("JobRole", f"What a training job of {name} may do", f"{name}-training")
        allow_job(self.job_role, name, settings, storage)
        image = self._image() if settings.image == "own" else None
        allow_image(self.job_role, image)
        if settings.mlflow:
            allow_tracking(self.job_role, settings.mlflow.secret_arn, storage)
            cdk.CfnOutput(self, Output.MLFLOW_TRACKING_URI, value=settings.mlflow.uri)
            cdk.CfnOutput(self, Output.MLFLOW_SECRET_ARN, value=settings.mlflow.secret_arn)
            mlflow = None
        else:
            mlflow = self._mlflow(name, storage)
            allow_tracking(self.job_role, mlflow, storage)
            cdk.CfnOutput(self, Output.MLFLOW_TRACKING_URI, value=mlflow.attr_arn)
            cdk.CfnOutput(self, Output.MLFLOW_APP_ARN, value=mlflow.attr_arn)
        self._keep_logs(RETENTION[settings.log_retention_days])
        launcher = launcher_policy(self, name, self.job_role, storage, mlflow)
        if environment.monitoring.email:
            spent = {"Service": ["Amazon SageMaker"]}
            email = environment.monitoring.email
            monthly_budget(self, f"{name}-training", settings.monthly_budget_usd, spent, email)
        cdk.CfnOutput(self, Output.JOB_ROLE_ARN, value=self.job_role.role_arn)
        cdk.CfnOutput(self, Output.LAUNCHER_POLICY_ARN, value=launcher.managed_policy_arn)
        cdk.CfnOutput(self, Output.NETWORK_ISOLATION, value=str(settings.network_isolation).lower())
        if image:
            cdk.CfnOutput(self, Output.TRAINING_IMAGE_URI, value=image.image_uri)
        if settings.network:
            cdk.CfnOutput(self, Output.SUBNET_IDS, value=",".join(settings.network.subnet_ids))
            cdk.CfnOutput(self, Output.SECURITY_GROUP_IDS, value=",".join(settings.network.security_group_ids))

    def _image(self) -> assets.DockerImageAsset:
        return assets.DockerImageAsset(
            self,
            "Image",
            directory=str(stage_training()),
            file="Dockerfile.training",
            platform=assets.Platform.LINUX_AMD64,
        )

    def _keep_logs(self, retention: logs.RetentionDays) -> None:
        """Let the logs of jobs expire: SageMaker makes their group, without an end, with the account's first job."""
        logs.LogRetention(self, "JobLogs", log_group_name=_JOB_LOGS, retention=retention)
        # A stack cannot own a group that may be there before it, so a function of CDK's sets the retention.
        provider = self.node.find_child("LogRetentionaae0aa3c5b4d4f87b02d85b201efdd8a")
        for rule, reason in {
            f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{_OWN_LOG}]": (
                "CDK's function writes its own log, and nothing else by this policy."
            ),
            "AwsSolutions-IAM5[Resource::*]": "CDK's function sets the retention of any group that a stack names.",
            "AwsSolutions-L1": "CDK chooses the runtime of its own function.",
        }.items():
            acknowledge(provider, rule, reason)

    def _mlflow(self, name: str, storage: StorageStack) -> sagemaker.CfnMlflowApp:
        role = self._role("MlflowRole", f"What the MLflow App of {name} may do")
        allow(role, ["s3:ListBucket"], storage.models.bucket_arn)
        allow_objects(
            role,
            storage.models,
            storage.key,
            read="mlflow/*",
            write="mlflow/*",
            in_parts=True,
            reason="Artifacts of every run, which MLflow names.",
        )
        app = sagemaker.CfnMlflowApp(
            self,
            "Mlflow",
            name=name,
            artifact_store_uri=f"s3://{storage.models.bucket_name}/mlflow",
            role_arn=role.role_arn,
            model_registration_mode="AutoModelRegistrationDisabled",
        )
        app.node.add_dependency(role)
        return app

    def _role(self, construct_id: str, description: str, name: str | None = None) -> iam.Role:
        # Only for this account's jobs: a service that acts for another account may not use the role.
        principal = iam.ServicePrincipal(
            "sagemaker.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": self.account}}
        )
        return iam.Role(
            self,
            construct_id,
            role_name=account_wide(name, self) if name else None,
            assumed_by=principal,
            description=description,
        )
