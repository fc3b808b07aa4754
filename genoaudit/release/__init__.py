"""Audits of one given model: who was a member, what it says, and what can be told of it."""
