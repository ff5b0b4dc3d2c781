"""Tests of fake users fitted to people."""
