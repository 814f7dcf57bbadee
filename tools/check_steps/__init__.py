"""The steps of tools/check."""
