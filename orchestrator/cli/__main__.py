"""`python -m orchestrator.cli`: the same command, for processes that start it again."""

from orchestrator.cli.main import entry_point

entry_point()
