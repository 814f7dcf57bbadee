"""The parts of tools/lint."""
