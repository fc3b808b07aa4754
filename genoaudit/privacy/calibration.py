"""From a target to noise: being written."""
