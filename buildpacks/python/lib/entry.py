"""Finds the web application in the usual modules; prints "KIND MODULE:OBJECT", or nothing.

KIND is wsgi or asgi. Files are parsed, never run.
"""

import ast
import glob
import os

ASGI_CLASSES = {"FastAPI", "Starlette", "Quart", "Litestar", "Sanic", "BlackSheep"}
ASGI_CALLS = {"get_asgi_application"}
NAMES = ("app", "application", "server", "api")


def called_name(node):
    if not isinstance(node, ast.Call):
        return ""
    target = node.func
    return target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")


def top_level(tree):
    """Names that the module binds, with the name of what was called to make each."""
    bound = {}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    bound[target.id] = called_name(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            bound[node.target.id] = called_name(node.value)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            for alias in node.names:
                bound.setdefault(alias.asname or alias.name, "")
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            bound[node.name] = "async" if isinstance(node, ast.AsyncFunctionDef) else "def"
    return bound


def find(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        try:
            bound = top_level(ast.parse(file.read()))
        except (SyntaxError, ValueError):
            return None
    for name in NAMES:
        if name not in bound:
            continue
        made_by = bound[name]
        is_asgi = made_by in ASGI_CLASSES or made_by in ASGI_CALLS or made_by == "async"
        is_asgi = is_asgi or os.path.basename(path) == "asgi.py"
        module = path[:-3].replace("/__init__", "").replace("/", ".")
        return ("asgi" if is_asgi else "wsgi"), f"{module}:{name}"
    return None


def main():
    candidates = []
    if os.path.exists("manage.py"):
        candidates += sorted(glob.glob("*/wsgi.py")) + sorted(glob.glob("*/asgi.py"))
    candidates += ["wsgi.py", "asgi.py", "app.py", "main.py", "application.py", "server.py"]
    candidates += ["app/__init__.py", "app/main.py", "src/app.py", "src/main.py"]
    for path in candidates:
        if os.path.isfile(path) and (found := find(path)):
            print(*found)
            return


main()
