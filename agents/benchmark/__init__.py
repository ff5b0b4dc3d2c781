"""The benchmark: a grid of environments, agents and seeds, what comes of its cells, tables and plots."""
