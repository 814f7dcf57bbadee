"""The steps that only look or compile: tidy, lint, the builds, headers."""

import re


def build(session, preset, target=None):
    """Configures and builds once a session; did it work? A failure is shown and counted."""
    key = (preset, target)
    if key not in session.built:
        name = f"build-{preset}" + (f"-{target}" if target else "")
        with session.step(f"build {preset}" + (f" ({target})" if target else "")):
            status = session.run(f"configure-{preset}", ["cmake", "--preset", preset])
            if status:
                session.fail(f"cmake --preset {preset}", session.log_path(f"configure-{preset}"))
            else:
                command = ["cmake", "--build", "--preset", preset]
                status = session.run(name, command + (["--target", target] if target else []))
                if status:
                    session.fail(" ".join(command), session.log_path(name))
        session.built[key] = status == 0
    return session.built[key]


def _python_tests(session, name, path):
    """Runs a unittest file and counts its tests."""
    status = session.run(name, ["python3", path])
    text = session.log_path(name).read_text(errors="replace")
    ran = re.search(r"^Ran (\d+) tests? in", text, re.MULTILINE)
    failed = sum(int(n) for n in re.findall(r"(?:failures|errors)=(\d+)", text))
    if status:
        session.fail(f"{path.name}: {failed or 'all'} of its tests", session.log_path(name))
    session.passed += max(0, int(ran.group(1)) - failed) if ran else 0
    return int(ran.group(1)) if ran else 0


def tidy(session):
    with session.step("tidy") as step:
        ran = sum(_python_tests(session, path.stem, path)
                  for path in sorted((session.root / "tools").glob("*_test.py")))
        if session.run("tidy", ["tools/tidy"]):
            session.fail("tools/tidy", session.log_path("tidy"))
        summary = session.log_path("tidy").read_text().strip().splitlines()[-1]
        step.says = f"{summary.removeprefix('tidy: ')}; {ran} tests"


def lint(session):
    with session.step("lint") as step:
        if session.run("lint", ["tools/lint"]):
            session.fail("tools/lint", session.log_path("lint"))
        step.says = session.log_path("lint").read_text().strip().splitlines()[-1]


def release(session):
    build(session, "release")


def headers(session):
    build(session, "release", "headers")
