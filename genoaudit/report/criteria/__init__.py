"""A policy's limits against a report's numbers: one file per part of a policy, and what they have in common."""
