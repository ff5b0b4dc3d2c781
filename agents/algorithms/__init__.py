"""Learning algorithms, one in each file."""
