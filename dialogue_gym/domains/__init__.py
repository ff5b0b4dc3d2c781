"""The built-in domains: each folder with a `domain.yml` is one, by its name."""
