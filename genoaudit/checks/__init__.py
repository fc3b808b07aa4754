"""Checks that protect the reader of an audit: each has a code, and says in plain words what it found."""
