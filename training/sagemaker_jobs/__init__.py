"""Training jobs and sweeps on SageMaker: planned, priced, checked, started, followed and stopped from the laptop."""
