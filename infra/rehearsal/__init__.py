"""Deploys the real stacks into a local AWS emulator with the real CDK CLI, and uses them over HTTP."""
