"""What one training job may do: least privilege, a grant for each thing that the job does."""

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker

from infra.config import Training, TrainingNetwork
from infra.constructs.permissions import allow, allow_objects
from infra.stacks.storage import StorageStack

# The account of AWS's own deep learning images, and those of regions that have one of their own:
# https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html
_AWS_IMAGES_ACCOUNT = "763104351884"
_AWS_IMAGES_ACCOUNTS = {
    "af-south-1": "626614931356",
    "ap-east-1": "871362719292",
    "ap-east-2": "975050140332",
    "ap-northeast-3": "364406365360",
    "ap-south-2": "772153158452",
    "ap-southeast-3": "907027046896",
    "ap-southeast-4": "457447274322",
    "ap-southeast-5": "550225433462",
    "ap-southeast-6": "633930458069",
    "ap-southeast-7": "590183813437",
    "ca-west-1": "204538143572",
    "cn-north-1": "727897471807",
    "cn-northwest-1": "727897471807",
    "eu-central-2": "380420809688",
    "eu-isoe-west-1": "371248457586",
    "eu-south-1": "692866216735",
    "eu-south-2": "503227376785",
    "eusc-de-east-1": "204133271717",
    "il-central-1": "780543022126",
    "me-central-1": "914824155844",
    "me-south-1": "217643126080",
    "me-west-1": "124382933778",
    "mx-central-1": "637423239942",
    "us-gov-east-1": "446045086412",
    "us-gov-west-1": "442386744353",
    "us-iso-east-1": "886529160074",
    "us-isob-east-1": "094389454867",
    "us-isof-east-1": "303241398832",
    "us-isof-south-1": "454834333376",
}
_PULL = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
_LOG = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]
# An App asks for the first of these for each call of MLflow's REST interface, whatever it does, and the plug-in looks
# up the App by the second; the others are those of a tracking server, which Apps are documented with, too. All that a
# run does, and nothing that deletes.
_TRACK = [
    *("sagemaker:CallMlflowAppApi", "sagemaker:DescribeMlflowApp"),
    *(
        f"sagemaker-mlflow:{action}"
        for action in (
            *("CreateExperiment", "GetExperiment", "GetExperimentByName", "SearchExperiments", "SetExperimentTag"),
            *("CreateRun", "GetRun", "SearchRuns", "UpdateRun", "SetTag", "GetMetricHistory", "ListArtifacts"),
            *("LogBatch", "LogInputs", "LogMetric", "LogModel", "LogOutputs", "LogParam", "FinalizeLoggedModel"),
            *("CreateRegisteredModel", "GetRegisteredModel", "SearchRegisteredModels", "SetRegisteredModelTag"),
            *("CreateModelVersion", "GetModelVersion", "SearchModelVersions", "SetModelVersionTag"),
            *("GetDownloadURIForModelVersionArtifacts", "UpdateModelVersion"),
        )
    ),
]
# https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html, "CreateTrainingJob API: Execution Role
# Permissions", for a job in a VPC.
_INTERFACE = [f"ec2:{action}NetworkInterface{what}" for action in ("Create", "Delete") for what in ("", "Permission")]
_DESCRIBE_NETWORK = [
    f"ec2:Describe{what}" for what in ("DhcpOptions", "NetworkInterfaces", "SecurityGroups", "Subnets", "Vpcs")
]
PREFIX = "training"


def aws_images_account(region: str) -> str:
    """Give the account that AWS's own images of a region are in."""
    return _AWS_IMAGES_ACCOUNTS.get(region, _AWS_IMAGES_ACCOUNT)


def allow_job(role: iam.Role, name: str, settings: Training, storage: StorageStack) -> None:
    """Let a job read fields, write below ``training/``, log, and count its metrics.

    Parameters
    ----------
    role
        Of the job.
    name
        What the names of the environment's jobs begin with.
    settings, storage
        Of the environment.
    """
    stack = cdk.Stack.of(role)
    allow(role, ["s3:ListBucket"], storage.data.bucket_arn)
    allow(role, ["s3:ListBucket"], storage.models.bucket_arn)
    allow_objects(role, storage.data, storage.key, read="*", reason="Trains on the fields of any prefix.")
    _allow_folder(role, storage, PREFIX, "Checkpoints, models and code of a job are below its name.")
    _allow_disk_key(role, storage)
    log = f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:/aws/sagemaker/TrainingJobs:*"
    allow(role, _LOG, log, reason="SageMaker names a job's log streams.")
    itself = f"arn:{stack.partition}:sagemaker:{stack.region}:{stack.account}:training-job/{name}-*"
    allow(role, ["sagemaker:DescribeTrainingJob"], itself, reason="A job looks up its own locations, by its name.")
    allow(
        role,
        ["cloudwatch:PutMetricData"],
        "*",
        conditions={"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"}},
        reason="Metrics have no resource; the namespace is the only limit that there is.",
    )
    if settings.network:
        _allow_network(role, settings.network)


def allow_image(role: iam.Role, own: assets.DockerImageAsset | None) -> None:
    """Let a job pull the image that it runs: the environment's own, or AWS's for TensorFlow."""
    stack = cdk.Stack.of(role)
    account = aws_images_account(stack.region)
    aws = f"arn:{stack.partition}:ecr:{stack.region}:{account}:repository/tensorflow-training"
    allow(role, _PULL, own.repository.repository_arn if own else aws)
    allow(role, ["ecr:GetAuthorizationToken"], "*", reason="A login to ECR is for the registry as a whole.")


def allow_tracking(role: iam.Role, where: sagemaker.CfnMlflowApp | str, storage: StorageStack) -> None:
    """Let a job log to the environment's MLflow App, or read the secret of another server.

    Parameters
    ----------
    where
        The App, or the secret's ARN.
    """
    if isinstance(where, str):
        allow(role, ["secretsmanager:GetSecretValue"], where)
        return
    _allow_folder(role, storage, "mlflow", "MLflow names the artifacts of every run.")
    allow(role, _TRACK, where.attr_arn)


def _allow_folder(role: iam.Role, storage: StorageStack, folder: str, reason: str) -> None:
    files = f"{folder}/*"
    allow_objects(role, storage.models, storage.key, read=files, write=files, in_parts=True, reason=reason)


def _allow_disk_key(role: iam.Role, storage: StorageStack) -> None:
    """Let SageMaker encrypt what a job puts out, and the disk that it works on, by the environment's key."""
    role.add_to_policy(iam.PolicyStatement(actions=["kms:Encrypt"], resources=[storage.key.key_arn]))
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["kms:CreateGrant"],
            resources=[storage.key.key_arn],
            # For a disk alone: a grant to anybody but a service of AWS is refused.
            conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
        )
    )


def _allow_network(role: iam.Role, network: TrainingNetwork) -> None:
    stack = cdk.Stack.of(role)
    ec2 = f"arn:{stack.partition}:ec2:{stack.region}:{stack.account}"
    interfaces = f"{ec2}:network-interface/*"
    allow(role, _INTERFACE, interfaces, reason="EC2 names a job's network interfaces.")
    for kind, ids in (("subnet", network.subnet_ids), ("security-group", network.security_group_ids)):
        for resource_id in ids:
            allow(role, ["ec2:CreateNetworkInterface"], f"{ec2}:{kind}/{resource_id}")
    allow(role, _DESCRIBE_NETWORK, "*", reason="EC2 describes no single network.")
