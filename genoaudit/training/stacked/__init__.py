"""Many models in one tensor program, in the coordinates of their own samples.

`program` says what is trained, `training` trains it; the rest is how.
"""
