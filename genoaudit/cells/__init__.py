"""One cell of a comparison: a recipe under one protection, planned, audited, attacked and kept when finished."""
