"""Scores to numbers with intervals; arrays only."""
