"""Exact computations on the enumerated rules: a table of actions for the observations, and a Bayes filter."""
