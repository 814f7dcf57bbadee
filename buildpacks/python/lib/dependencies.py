"""Prints project.dependencies of pyproject.toml, one a line."""

import sys
import tomllib

with open("pyproject.toml", "rb") as file:
    try:
        project = tomllib.load(file).get("project", {})
    except tomllib.TOMLDecodeError as error:
        sys.exit(f"pyproject.toml is not valid: {error}")
for dependency in project.get("dependencies", []):
    print(dependency)
