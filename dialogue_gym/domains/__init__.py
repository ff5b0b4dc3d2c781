"""The domains that come with the library: a folder each."""
