"""Picture files in and out, with their data type, axes and tags kept.

`image_file` is the door: it reads by content and writes in the format of another file. To add a format: one module
with its `FileFormat`, whose reader returns a `StoredImage` and whose writer takes one, and its name in
`formats.FORMATS`.
"""
