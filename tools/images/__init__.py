"""The parts of tools/base_images."""
