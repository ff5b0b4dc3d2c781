"""The commands of `python -m agents`: `train`, `evaluate`, `benchmark`, `demo` and others."""

from agents.cli.app import app, main

__all__ = ["app", "main"]
