"""What the verbs of the command line do with files; `nasdip.cli` parses and calls these.

Part of the topmost room: may import everything.
"""
