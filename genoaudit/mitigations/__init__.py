"""The mitigations: a recipe and a setting in, the protected recipe out."""
