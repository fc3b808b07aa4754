collect_ignore_glob = ["*.py"]  # programs to run by hand: pytest would import them in search of doctests
