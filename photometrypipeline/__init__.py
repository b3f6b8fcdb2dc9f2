"""The parts of the Photometry Pipeline: one noun each, file formats and physics."""

__version__ = "2.0.0.dev0"
