"""What the verbs of the command line do with files; `nasdip.cli` parses and calls these."""
