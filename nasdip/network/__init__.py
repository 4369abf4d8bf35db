"""Architecture -> `torch.nn.Module`: upsampling cells, cross-level skips, encoder-decoders.

`build_network` is the door: deterministic in (architecture, seed).
`fast.rewrite` evaluates the networks it builds in less time; the plain ones stay the definition.

To add an operation, register its module in `plain/operations.py` under the name that `nasdip.space.operations` lists.
"""
