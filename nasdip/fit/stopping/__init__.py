"""When a fit should stop, and which of its images is kept: rules that know no clean image.

What it is for: a rule gives every step a score, smaller being better; a `Keeper` keeps the image of the best step, one
copy of it, and says when the rule has waited long enough for a better one.

What it may import: imaging, torch, and the rest of the room `nasdip.restore` that does not import this folder.

To add a rule: a file with a class like those here (`rule.StopRule`), and its name in `choice.RULES`.
"""
