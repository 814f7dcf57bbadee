"""Source folders to push: the examples and the small apps under tests/e2e/apps, as copies that a
case may change."""

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
EXAMPLES = ROOT / "examples"
APPS = ROOT / "tests/e2e/apps"


def copy_of(folder, to):
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
    return to


def replace(file, old, new):
    text = Path(file).read_text(encoding="utf-8")
    assert old in text, f"{file} does not have {old!r}"
    Path(file).write_text(text.replace(old, new, 1), encoding="utf-8")


def static_site(to, text="hello\n"):
    """The smallest folder that is an app."""
    Path(to).mkdir(parents=True, exist_ok=True)
    Path(to, "index.html").write_text(text, encoding="utf-8")
    return Path(to)
