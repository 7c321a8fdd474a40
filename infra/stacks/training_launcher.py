"""What people and programs may do that start training jobs: plan, start, follow and stop them, and no more."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker

from infra.constructs.permissions import WRITE_IN_PARTS, account_wide, acknowledge_objects, acknowledge_pattern
from infra.stacks.storage import StorageStack

_JOBS = [
    f"sagemaker:{action}"
    for action in (
        *("CreateTrainingJob", "DescribeTrainingJob", "StopTrainingJob", "AddTags"),
        *("CreateHyperParameterTuningJob", "DescribeHyperParameterTuningJob", "StopHyperParameterTuningJob"),
    )
]
# Of which the service knows no single resource.
_LISTS = ["sagemaker:ListTrainingJobs", "servicequotas:ListServiceQuotas"]
# The sweep's own run, the parent of its jobs' runs.
_TRACK = [
    *("sagemaker:CallMlflowAppApi", "sagemaker:DescribeMlflowApp"),
    *(
        f"sagemaker-mlflow:{action}"
        for action in (
            *("CreateExperiment", "GetExperiment", "GetExperimentByName", "SearchExperiments"),
            *("CreateRun", "GetRun", "SearchRuns", "UpdateRun", "SetTag", "LogParam", "LogBatch", "LogMetric"),
        )
    ),
]


def launcher_policy(
    stack: cdk.Stack, name: str, job_role: iam.Role, storage: StorageStack, app: sagemaker.CfnMlflowApp | None
) -> iam.ManagedPolicy:
    """Make the policy of people and programs that start jobs with the job's role.

    Parameters
    ----------
    stack
        Of training.
    name
        What the names of the environment's jobs begin with.
    job_role
        The only role that they may hand to a job.
    storage
        Where the code of a job is put and its fields' manifest is read.
    app
        That sweeps are filed in; None for a server of another kind, which knows its own users.
    """
    here = f"{stack.region}:{stack.account}"
    jobs = [
        f"arn:{stack.partition}:sagemaker:{here}:{kind}/{name}-*"
        for kind in ("training-job", "hyper-parameter-tuning-job")
    ]
    group = f"arn:{stack.partition}:logs:{here}:log-group:/aws/sagemaker/TrainingJobs:*"
    stacks = [
        f"arn:{stack.partition}:cloudformation:{here}:stack/{_title(name)}-{part}/*" for part in ("Storage", "Training")
    ]
    statements = [
        iam.PolicyStatement(actions=_JOBS, resources=jobs),
        iam.PolicyStatement(actions=_LISTS, resources=["*"]),
        iam.PolicyStatement(actions=["logs:DescribeLogStreams", "logs:FilterLogEvents"], resources=[group]),
        iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=stacks),
        iam.PolicyStatement(actions=["s3:ListBucket"], resources=[storage.models.bucket_arn, storage.data.bucket_arn]),
        # Plans are deleted when their sweep is dropped; nothing else is, since the bucket keeps every version.
        iam.PolicyStatement(
            actions=sorted({*WRITE_IN_PARTS, "s3:DeleteObject"}),
            resources=[storage.models.arn_for_objects("training/*")],
        ),
        iam.PolicyStatement(actions=["s3:GetObject"], resources=[storage.data.arn_for_objects("*")]),
        iam.PolicyStatement(actions=["kms:Decrypt", "kms:GenerateDataKey"], resources=[storage.key.key_arn]),
        iam.PolicyStatement(
            actions=["iam:PassRole"],
            resources=[job_role.role_arn],
            conditions={"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}},
        ),
    ]
    if app:
        statements.append(iam.PolicyStatement(actions=_TRACK, resources=[app.attr_arn]))
    policy = iam.ManagedPolicy(
        stack,
        "Launcher",
        managed_policy_name=account_wide(f"{name}-training-launcher", stack),
        description="Start, follow and stop training jobs",
        statements=statements,
    )
    for pattern in jobs:
        acknowledge_pattern(policy, pattern, "Jobs are named when they start; the names begin with the environment's.")
    acknowledge_pattern(policy, "*", "Lists of jobs and quotas have no resource.")
    acknowledge_pattern(policy, group, "SageMaker names a job's log streams after the job.")
    for pattern in stacks:
        acknowledge_pattern(policy, pattern, "CloudFormation appends an identifier of its own to a stack's name.")
    acknowledge_objects(policy, storage.models, "training/*", "Plans and code of a job are below its name.")
    acknowledge_objects(policy, storage.data, "*", "Reads the manifest of any set of fields.")
    return policy


def _title(name: str) -> str:
    """Give what the environment's stacks begin with: ``leukolens-dev`` is ``Leukolens-Dev``."""
    return "-".join(word.capitalize() for word in name.split("-"))
