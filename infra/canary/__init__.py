"""What is deployed as the synthetic canary: one file, which needs nothing but Lambda's own Python and boto3."""
