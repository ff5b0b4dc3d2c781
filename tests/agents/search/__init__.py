"""Tests of the evidence about users who search."""
