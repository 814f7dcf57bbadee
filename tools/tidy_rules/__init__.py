"""The rules of tools/tidy, one module a family. Each rule yields findings; none changes a file."""
