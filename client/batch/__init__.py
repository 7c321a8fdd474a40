"""Batches over an S3 prefix, by the state machine that ``infra/stacks/batch.py`` deploys: start, follow, download.

The rest of the client speaks HTTP; this part speaks to AWS, with the caller's own credentials, which need the policy
``leukolens-<environment>-batch-operator-<region>``. boto3 and pyarrow are imported when they are first needed.
"""
