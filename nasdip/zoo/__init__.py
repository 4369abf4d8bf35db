"""Ready architectures: JSON files with provenance.

To add one, put a JSON file here with name, architecture (text form), task, summary and source; where they are known
also figures (`nasdip.zoo.figures`: gain and time relative to the entry dip) and provenance (an object of free facts).
`nasdip restore --budget` picks from those for denoising that have figures (`nasdip.zoo.front`).
"""
