"""One training job in SageMaker's local mode, just as it was asked of AWS.

``local_job.py REQUEST.json ROOT NAME=FOLDER...``: the body of CreateTrainingJob, a folder for what the container
leaves, and channels beside those of the request.
"""

import json
import sys
from pathlib import Path

import boto3
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.shapes import Channel, DataSource, FileSystemDataSource, S3DataSource
from sagemaker.train.local.local_container import _LocalContainer


def _channel(told: dict) -> Channel:
    source = told["DataSource"]["S3DataSource"]
    return Channel(
        channel_name=told["ChannelName"],
        input_mode=told["InputMode"],
        data_source=DataSource(
            s3_data_source=S3DataSource(
                s3_data_type=source["S3DataType"],
                s3_uri=source["S3Uri"],
                s3_data_distribution_type=source["S3DataDistributionType"],
            )
        ),
    )


def _folder(name: str, path: str) -> Channel:
    source = FileSystemDataSource(
        file_system_id="local", file_system_type="EFS", directory_path=path, file_system_access_mode="rw"
    )
    return Channel(channel_name=name, data_source=DataSource(file_system_data_source=source))


def main(request: Path, root: Path, *more: str) -> None:
    """Run the job; its log comes out here."""
    asked = json.loads(request.read_text())
    root.mkdir()
    job = _LocalContainer(
        training_job_name=asked["TrainingJobName"],
        instance_type=asked["ResourceConfig"]["InstanceType"],
        instance_count=asked["ResourceConfig"]["InstanceCount"],
        image=asked["AlgorithmSpecification"]["TrainingImage"],
        container_root=str(root),
        input_data_config=[*map(_channel, asked["InputDataConfig"]), *(_folder(*one.split("=", 1)) for one in more)],
        environment=asked["Environment"],
        hyper_parameters=asked["HyperParameters"],
        sagemaker_session=Session(boto_session=boto3.Session(), default_bucket="unused", sagemaker_config={}),
        container_entrypoint=None,
        container_arguments=None,
    )
    job.train(wait=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
