"""Architecture -> `torch.nn.Module`: upsampling cells, cross-level skips, encoder-decoders.

Imports the rooms imaging and space, and torch. `build_network` is the door: deterministic in (architecture, seed).
`exact.rewrite` evaluates the networks it builds in less time; the plain ones stay the definition.

To add an operation, register its module in `operations.py` under the name that `nasdip.space.operations` lists.
"""
