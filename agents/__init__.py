"""Reference agents, the solver and what evaluates them: `python -m agents --help`."""
