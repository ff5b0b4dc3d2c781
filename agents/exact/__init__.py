"""What is computed exactly: the bounds, by enumerating every outcome of chance, and a Bayes filter."""
