"""Algorithms that learn, each in one file."""
