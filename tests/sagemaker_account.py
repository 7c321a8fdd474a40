"""An AWS account for jobs: moto answers, and what moto lacks is answered here."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import boto3
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sagemaker.models import sagemaker_backends

from training.data.manifest import Manifest, Record
from training.sagemaker_jobs.deployment import read_deployment, read_environment

REGION = "eu-central-1"
KEY = f"arn:aws:kms:{REGION}:{DEFAULT_ACCOUNT_ID}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ROLE = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/leukolens-dev-training"


class Account:
    """An AWS account with the environment dev in it; moto answers, and what moto lacks is answered here."""

    def __init__(self, session):
        self.session = session
        self.quota = 10
        self.warm_pools = 10
        self.decision = "allowed"
        self.now = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
        self.stacks = {}
        self.sagemaker = session.client("sagemaker")
        self.s3 = session.client("s3")
        self.answers = {
            "cloudformation.DescribeStacks": self._stacks,
            "service-quotas.ListServiceQuotas": self._quotas,
            "iam.SimulatePrincipalPolicy": lambda _: {"EvaluationResults": [{"EvalDecision": self.decision}]},
            "sagemaker.StopTrainingJob": lambda body: self.tell(body["TrainingJobName"], "Stopped") or {},
            "sagemaker.StopHyperParameterTuningJob": self._stop_tuner,
        }

    @property
    def backend(self):
        return sagemaker_backends[DEFAULT_ACCOUNT_ID][REGION]

    @property
    def deployment(self):
        return read_deployment(read_environment("dev"), self.session)

    def deploy(self):
        self.stacks = {
            "Leukolens-Dev-Storage": {
                "DataBucketName": "smears-data",
                "ModelsBucketName": "smears-models",
                "KeyArn": KEY,
            },
            "Leukolens-Dev-Training": {
                "JobRoleArn": ROLE,
                "MlflowAppArn": f"arn:aws:sagemaker:{REGION}:1:mlflow-app/app-1",
            },
        }
        for bucket in ("smears-data", "smears-models"):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})

    def put_smears(self):
        records = [
            Record(key=f"Pre/{n}.jpg", label="Pre", sha256="0" * 64, size_bytes=9, width=9, height=9) for n in range(5)
        ]
        self.manifest = Manifest.of(records)
        self.s3.put_object(Bucket="smears-data", Key="smears/manifest.jsonl", Body=self.manifest.content)

    def play_tuner(self, name, jobs=None):
        """Start the jobs of a grid, as SageMaker does from a tuner's description."""
        described = self.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
        definition = described["TrainingJobDefinition"]
        ranges = described["HyperParameterTuningJobConfig"]["ParameterRanges"]["CategoricalParameterRanges"]
        names, values = [r["Name"] for r in ranges], [r["Values"] for r in ranges]
        made = []
        for number, chosen in enumerate(itertools.product(*values), 1):
            made.append(f"{name}-{number:03}-0a1b2c3d")
            self.sagemaker.create_training_job(
                TrainingJobName=made[-1],
                HyperParameters={**definition["StaticHyperParameters"], **dict(zip(names, chosen, strict=True))},
                AlgorithmSpecification=definition["AlgorithmSpecification"],
                **{
                    key: definition[key]
                    for key in (
                        *("RoleArn", "InputDataConfig", "OutputDataConfig", "ResourceConfig", "StoppingCondition"),
                        *("EnableManagedSpotTraining", "CheckpointConfig", "Environment"),
                    )
                },
            )
            self.tell(made[-1], "InProgress")
            if len(made) == jobs:
                break
        self.backend.hyper_parameter_tuning_jobs[name].hyper_parameter_tuning_job_status = "InProgress"
        return made

    def tell(self, job, status, *, doing=None, epoch=None, objective=None, minutes=10, billed_s=None, failure=None):
        """Make AWS say this of a job."""
        told = self.backend.training_jobs[job]
        told.training_job_status, told.secondary_status = status, doing or status
        told.training_start_time = self.now - timedelta(minutes=minutes)
        told.training_end_time = None if status == "InProgress" else self.now
        told.failure_reason = failure
        if billed_s is not None:
            told.billable_time_in_seconds, told.training_time_in_seconds = billed_s, minutes * 60
        values = {"epoch": epoch, "val_balanced_accuracy": objective}
        told.final_metric_data_list = [
            {"MetricName": name, "Value": float(value), "Timestamp": self.now}
            for name, value in values.items()
            if value is not None
        ]

    def finish_tuner(self, name, status):
        self.backend.hyper_parameter_tuning_jobs[name].hyper_parameter_tuning_job_status = status

    def _stacks(self, body):
        name = body["StackName"]
        if name not in self.stacks:
            told = {"Error": {"Code": "ValidationError", "Message": f"Stack with id {name} does not exist"}}
            raise ClientError(told, "DescribeStacks")
        outputs = [{"OutputKey": key, "OutputValue": value} for key, value in self.stacks[name].items()]
        return {"Stacks": [{"StackName": name, "StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}

    def _quotas(self, _):
        kinds = {"training job": self.quota, "spot training job": self.quota, "training warm pool": self.warm_pools}
        return {
            "Quotas": [
                {"QuotaName": f"ml.m5.xlarge for {kind} usage", "QuotaCode": "L-1", "Value": value}
                for kind, value in kinds.items()
            ]
        }

    def _stop_tuner(self, body):
        self.finish_tuner(body["HyperParameterTuningJobName"], "Stopped")
        return {}


class _Session(boto3.Session):
    """Makes a service's plain client once: each command asks for several anew, at ten milliseconds each."""

    def __init__(self, **given):
        super().__init__(**given)
        self._made = {}

    def client(self, service_name, *given, **named):
        if given or named:
            return super().client(service_name, *given, **named)
        if service_name not in self._made:
            self._made[service_name] = super().client(service_name)
        return self._made[service_name]


def open_answering_session():
    """Give a session of boto3 whose answers can be set: ``answers``, by service and call."""
    session = _Session(region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test")
    session.answers = {}

    def answer(model, params, **_):
        answered = session.answers.get(f"{model.service_model.service_id.hyphenize()}.{model.name}")
        if answered is None:
            return None
        body = params["body"]
        return SimpleNamespace(status_code=200), answered(json.loads(body) if _is_json(body) else body)

    session.events.register("before-call", answer)
    return session


def _is_json(body):
    return isinstance(body, bytes) and body.startswith(b"{")
