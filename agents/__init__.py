"""Reference agents, their evaluation, the solver and the benchmark: `python -m agents --help`."""
