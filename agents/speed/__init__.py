"""Measurements of speed: environments, learning, teaching, live learning, the pages."""
