"""The networks as they are defined, to be read: the published ones, one module each. `fast` is quicker."""
