"""TIFF files, of any type and number of channels."""

from nasdip.io.file_format import FileFormat
from nasdip.io.tiff_reader import SIGNATURES, read_tiff
from nasdip.io.tiff_writer import write_tiff

TIFF = FileFormat("TIFF", (".tif", ".tiff"), SIGNATURES, read_tiff, write_tiff)
