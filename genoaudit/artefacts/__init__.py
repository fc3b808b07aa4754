"""Models as files: read without running what is in them, every file checked before it is believed."""
