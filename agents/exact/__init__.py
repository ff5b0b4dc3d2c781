"""Exact computations: bounds, by enumerating every outcome of chance, and a Bayes filter."""
