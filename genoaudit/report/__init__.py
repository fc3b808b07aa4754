"""Numbers to people: the result, its figures and its pages."""
