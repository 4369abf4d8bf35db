"""Every knob, once: its default, its check, its help text.

The command line, Python functions, YAML files, comparisons and the last fit of a search fill these in and compose
nothing themselves. To add an option: a field with its help and check here, and the place where it takes effect.
"""
