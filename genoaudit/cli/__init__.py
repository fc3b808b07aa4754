"""The command line: parses, calls, prints. No logic lives here, and nothing heavy is imported before it is needed."""
