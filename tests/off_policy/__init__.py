"""Tests of the evaluation of policies from logs."""
