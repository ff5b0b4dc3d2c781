"""The documentation site, and pages that are guides."""
