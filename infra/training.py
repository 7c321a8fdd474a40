"""What a SageMaker training job may touch, and the MLflow App that it logs to."""

import aws_cdk as cdk
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.config import Environment
from infra.permissions import acknowledge_pattern, allow, allow_objects
from infra.storage import StorageStack

# The account of AWS's own deep learning images in this project's regions:
# https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html
_AWS_IMAGES_ACCOUNT = "763104351884"
_PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
_LOG = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
# All that a run does: nothing here deletes.
_TRACK = [
    f"sagemaker-mlflow:{action}"
    for action in (
        *("CreateExperiment", "GetExperiment", "GetExperimentByName", "SearchExperiments", "SetExperimentTag"),
        *("CreateRun", "GetRun", "SearchRuns", "UpdateRun", "SetTag", "GetMetricHistory", "ListArtifacts"),
        *("LogBatch", "LogInputs", "LogMetric", "LogModel", "LogOutputs", "LogParam", "FinalizeLoggedModel"),
        *("CreateRegisteredModel", "GetRegisteredModel", "SearchRegisteredModels", "SetRegisteredModelTag"),
        *("CreateModelVersion", "GetModelVersion", "SearchModelVersions", "SetModelVersionTag"),
        *("GetDownloadURIForModelVersionArtifacts", "UpdateModelVersion"),
    )
]
_LAUNCH = [
    f"sagemaker:{action}"
    for action in (
        *("CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob", "AddTags"),
        *("CreateHyperParameterTuningJob", "DescribeHyperParameterTuningJob", "StopHyperParameterTuningJob"),
        "ListTrainingJobsForHyperParameterTuningJob",
    )
]
PREFIX = "training"


class TrainingStack(cdk.Stack):
    """Roles of training jobs and of whoever starts them, the MLflow App, and a budget.

    Attributes
    ----------
    job_role
        What a job is: reads the data bucket, writes below ``training/`` of the models bucket, logs to the App.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        environment: Environment,
        env: cdk.Environment,
        storage: StorageStack,
    ) -> None:
        super().__init__(scope, construct_id, env=env, description="Leukolens: training jobs and their tracking")
        name = f"leukolens-{environment.name}"
        app = self._mlflow(name, storage)
        self.job_role = self._job_role(name, storage, app)
        launcher = self._launcher(name)
        if environment.monitoring.email:
            self._budget(name, environment.training.monthly_budget_usd, environment.monitoring.email)
        cdk.CfnOutput(self, "JobRoleArn", value=self.job_role.role_arn)
        cdk.CfnOutput(self, "LauncherPolicyArn", value=launcher.managed_policy_arn)
        cdk.CfnOutput(self, "MlflowAppArn", value=app.attr_arn)

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

    def _job_role(self, name: str, storage: StorageStack, app: sagemaker.CfnMlflowApp) -> iam.Role:
        role = self._role("JobRole", f"What a training job of {name} may do", f"{name}-training")
        allow(role, ["s3:ListBucket"], storage.data.bucket_arn)
        allow(role, ["s3:ListBucket"], storage.models.bucket_arn)
        allow_objects(role, storage.data, storage.key, read="*", reason="Trains on the fields of any prefix.")
        for folder in (f"{PREFIX}/*", "mlflow/*"):
            allow_objects(
                role,
                storage.models,
                storage.key,
                read=folder,
                write=folder,
                in_parts=True,
                reason="Checkpoints, models and artifacts of a job are below its name.",
            )
        # Nobody but MLflow's own plug-in calls these; they are on one App.
        allow(role, _TRACK, app.attr_arn)
        images = f"arn:{self.partition}:ecr:{self.region}:{_AWS_IMAGES_ACCOUNT}:repository/tensorflow-training"
        allow(role, _PULL, images)
        allow(role, ["ecr:GetAuthorizationToken"], "*", reason="A login to ECR is for the registry as a whole.")
        log = f"arn:{self.partition}:logs:{self.region}:{self.account}:log-group:/aws/sagemaker/TrainingJobs:*"
        allow(role, _LOG, log, reason="SageMaker names a job's log streams.")
        allow(
            role,
            ["cloudwatch:PutMetricData"],
            "*",
            conditions={"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"}},
            reason="Metrics have no resource; the namespace is the only limit that there is.",
        )
        return role

    def _launcher(self, name: str) -> iam.ManagedPolicy:
        """Make the policy of people and programs that start jobs with the job's role."""
        jobs = [
            f"arn:{self.partition}:sagemaker:{self.region}:{self.account}:{kind}/{name}-*"
            for kind in ("training-job", "hyper-parameter-tuning-job")
        ]
        policy = iam.ManagedPolicy(
            self,
            "Launcher",
            managed_policy_name=f"{name}-training-launcher",
            description="Start, follow and stop training jobs",
            statements=[
                iam.PolicyStatement(actions=_LAUNCH, resources=jobs),
                iam.PolicyStatement(
                    actions=["iam:PassRole"],
                    resources=[self.job_role.role_arn],
                    conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
                ),
            ],
        )
        for job in jobs:
            acknowledge_pattern(policy, job, "Jobs are named when they start; the names begin with the environment's.")
        return policy

    def _role(self, construct_id: str, description: str, name: str | None = None) -> iam.Role:
        # Only for this account's jobs: a service that acts for another account may not use the role.
        principal = iam.ServicePrincipal(
            "sagemaker.amazonaws.com", conditions={"StringEquals": {"aws:SourceAccount": self.account}}
        )
        return iam.Role(self, construct_id, role_name=name, assumed_by=principal, description=description)

    def _budget(self, name: str, dollars: int, email: str) -> None:
        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=f"{name}-training",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=dollars, unit="USD"),
                cost_filters={"Service": ["Amazon SageMaker"]},
            ),
            notifications_with_subscribers=[
                budgets.CfnBudget.NotificationWithSubscribersProperty(
                    notification=budgets.CfnBudget.NotificationProperty(
                        comparison_operator="GREATER_THAN",
                        notification_type="ACTUAL",
                        threshold=80,
                        threshold_type="PERCENTAGE",
                    ),
                    subscribers=[budgets.CfnBudget.SubscriberProperty(address=email, subscription_type="EMAIL")],
                )
            ],
        )
