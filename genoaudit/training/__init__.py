"""A recipe and a design to signals: training, in parallel and resumable."""
