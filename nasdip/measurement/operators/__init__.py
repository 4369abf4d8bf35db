"""How the instrument turns the true image into what was measured, before noise: H in y = H x + n.

Each is a frozen value that works on arrays and tensors alike, is differentiable, and knows the shape of its image. To
add one: a file with a subclass of `operator.Operator`, its name in `registry.OPERATORS`, and its dot-product test in
`tests/measurement/test_operators.py`, which covers all that are registered.
"""
