"""Picture files in and out, with their data type, axes and tags kept.

`image_file` is the door: it reads by content and writes in the format of another file. To add a format: one module
with a reader that returns a `StoredImage` and a writer that takes one, and its line in `image_file.FORMATS`.
"""
