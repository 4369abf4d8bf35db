"""When a fit should stop, and which of its images is kept: rules that know no clean image.

A rule gives every step a score, smaller being better; a `BestIterate` keeps the image of the best step, one copy of it,
and says when the rule has waited long enough for a better one.

To add a rule: a file with a class like those here (`rule.StopRule`), and its line in
`nasdip/options/stopping_rules.py`.
"""
