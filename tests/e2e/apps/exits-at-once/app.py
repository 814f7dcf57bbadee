import sys

print("reading the settings")
print("no database is known here", file=sys.stderr)
sys.exit(3)
