"""What the drawing of the stacks makes of a template."""

import json
from pathlib import Path

from release.deployment_diagram import deployment

STORAGE = {
    "Resources": {
        "Uploads0000000A": {"Type": "AWS::S3::Bucket"},
        "Logs0000000B": {"Type": "AWS::S3::Bucket"},
        "Key0000000C": {"Type": "AWS::KMS::Key"},
    },
    "Outputs": {
        "Exported": {"Export": {"Name": "Storage:Uploads"}, "Value": {"Fn::GetAtt": ["Uploads0000000A", "Arn"]}},
        "ApiUrl": {"Value": "nothing that is exported"},
    },
}
INFERENCE = {
    "Resources": {
        "PredictFunction0000000A": {
            "Type": "AWS::Lambda::Function",
            "Properties": {"Role": {"Fn::GetAtt": ["Role0000000B", "Arn"]}},
        },
        "Role0000000B": {"Type": "AWS::IAM::Role"},
        "Policy0000000C": {
            "Type": "AWS::IAM::Policy",
            "Properties": {"Roles": [{"Ref": "Role0000000B"}], "Resource": {"Fn::ImportValue": "Storage:Uploads"}},
        },
        "Api0000000D": {"Type": "AWS::ApiGatewayV2::Api"},
        "Integration0000000E": {
            "Type": "AWS::ApiGatewayV2::Integration",
            "Properties": {"ApiId": {"Ref": "Api0000000D"}, "IntegrationUri": {"Ref": "PredictFunction0000000A"}},
        },
    }
}


def test_parts_are_drawn_as_their_whole_and_references_cross_stacks(tmp_path: Path):
    (tmp_path / "Storage.json").write_text(json.dumps(STORAGE))
    (tmp_path / "Inference.json").write_text(json.dumps(INFERENCE))
    graph = deployment(tmp_path)
    assert graph.frames["Inference"] == {
        "Inference.Api0000000D": "HTTP API",
        "Inference.PredictFunction0000000A": "Predict\\nLambda function",
    }
    assert list(graph.arrows) == [
        ("Inference.Api0000000D", "Inference.PredictFunction0000000A"),
        ("Inference.PredictFunction0000000A", "Storage.Uploads0000000A"),
    ]


def test_the_real_stacks_show_the_path_of_a_request():
    from release.deployment_diagram import SNAPSHOTS

    graph = deployment(SNAPSHOTS / "dev")
    labels = {name: label for boxes in graph.frames.values() for name, label in boxes.items()}
    arrows = {(labels[start], labels[end]) for start, end in graph.arrows}
    assert ("HTTP API", "Predict\\nLambda function") in arrows
    assert ("Predict\\nLambda function", "Uploads\\nbucket") in arrows
