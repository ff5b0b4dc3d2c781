"""The benchmark: a grid of environments, agents and seeds, its results, tables and plots."""
