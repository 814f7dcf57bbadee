"""The steps that run Nuri's own code: unit and simulation tests, fuzzers, differential and
end-to-end tests."""

import json
import os
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

from check_steps.builds import build

_PROGRAM_LIMIT_S = 900
_E2E_LIMIT_S = 2400
_DIFFERENTIAL_LIMIT_S = 300
_HISTORIES = 10_000
_SANITIZERS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "second_deadlock_stack=1",
    "ASAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-19",
    "TSAN_SYMBOLIZER_PATH": "/usr/bin/llvm-symbolizer-19",
}


def _names(path):
    return [line for line in path.read_text().split("\n") if line] if path.exists() else []


def _in_parallel(session, work, names):
    """Results of work(name), as many at a time as there are processors."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        waiting = [pool.submit(work, name) for name in names]
        try:
            return [one.result() for one in waiting]
        except KeyboardInterrupt:
            session.end_all()
            raise


def unit(session):
    preset = session.preset
    if not build(session, preset, "tests"):
        return
    folder = session.root / "build" / preset
    names = _names(folder / "tests.txt")
    with session.step(f"unit and simulation tests ({preset})") as step:
        runs = [(name, name, {}) for name in names]
        # Workers take io_uring where they may: the other loop has the same tests.
        runs += [(name, f"{name}_epoll", {"NURI_TEST_LOOP": "epoll"})
                 for name in names if name == "router_test"]
        counted = _in_parallel(session, lambda run: _gtest(session, folder, *run), runs)
        for (_, log, _), (passed, bad) in zip(runs, counted):
            session.passed += passed
            for what in bad:
                session.fail(what, None if what != bad[-1] else session.log_path(log))
        step.says = f"{sum(passed for passed, _ in counted)} cases in {len(runs)} runs of programs"


def simulation(session):
    """Simulated histories without sanitizers, a share of the seeds for each processor."""
    if not build(session, "release", "sim_test"):
        return
    folder = session.root / "build" / "release"
    share = -(-_HISTORIES // os.cpu_count())
    with session.step(f"{_HISTORIES} simulated histories") as step:
        counted = _in_parallel(session, lambda first: _histories(session, folder, first, share),
                               range(1, _HISTORIES + 1, share))
        session.passed += sum(passed for passed, _ in counted)
        step.says = f"{len(counted)} programs side by side"


def _histories(session, folder, first, count):
    log = f"sim_from_{first}"
    passed, bad = _gtest(session, folder, "sim_test", log, {
        "NURI_SIM_FIRST": str(first), "NURI_SIM_COUNT": str(min(count, _HISTORIES + 1 - first))})
    for what in bad:
        session.fail(what, session.log_path(log))
    text = session.log_path(log).read_text(errors="replace")
    for seed, command in re.findall(r"^replay seed (\d+): (.*)$", text, re.MULTILINE):
        print(f"  seed {seed} failed; to see its history: {command}", flush=True)
    return passed, bad


def _gtest(session, folder, name, log=None, env=None):
    """(cases passed, what failed in words) of one GoogleTest program."""
    log = log or name
    report = session.logs / f"{log}.json"
    report.unlink(missing_ok=True)
    command = [folder / "bin" / name, "--gtest_brief=1", f"--gtest_output=json:{report}"]
    status = session.run(log, command, env={**_SANITIZERS, **(env or {})},
                         limit_s=_PROGRAM_LIMIT_S)
    if not report.exists():
        return 0, [f"{log}: ended with status {status} before its report"]
    passed, bad = 0, []
    for suite in json.loads(report.read_text())["testsuites"]:
        for case in suite["testsuite"]:
            if case.get("failures") or case["result"] != "COMPLETED":
                bad.append(f"{log}: {suite['name']}.{case['name']}")
            else:
                passed += 1
    if status and not bad:
        bad.append(f"{log}: every case passed, but it ended with status {status} (a leak?)")
    return passed, bad


def fuzz(session):
    if not (session.root / "tests" / "fuzz" / "CMakeLists.txt").exists():
        return
    if not build(session, "fuzz", "fuzzers"):
        return
    names = _names(session.root / "build" / "fuzz" / "fuzzers.txt")
    with session.step(f"fuzzers, {session.fuzz_seconds} s each") as step:
        results = _in_parallel(session, lambda name: _fuzz(session, name), names)
        for name, status in zip(names, results):
            if status:
                session.fail(f"fuzzer {name} (its input is in build/fuzz-found/)",
                             session.log_path(f"{name}_fuzz"))
            else:
                session.passed += 1
        step.says = f"{len(names)} fuzzers"


def _fuzz(session, name):
    grown = session.root / "build" / "fuzz-corpus" / name
    found = session.root / "build" / "fuzz-found"
    for folder in (grown, found):
        folder.mkdir(parents=True, exist_ok=True)
    command = [session.root / "build" / "fuzz" / "bin" / f"{name}_fuzz",
               f"-max_total_time={session.fuzz_seconds}", "-timeout=10", "-rss_limit_mb=2048",
               f"-artifact_prefix={found}/{name}-", "-print_final_stats=1", grown,
               session.root / "tests" / "fuzz" / "corpus" / name]
    return session.run(f"{name}_fuzz", command, env=_SANITIZERS,
                       limit_s=session.fuzz_seconds + 120)


def differential(session):
    program = session.root / "tests" / "differential" / "run"
    if not build(session, "release"):
        session.fail("differential tests: not run, the release build failed")
        return
    with session.step("differential tests") as step:
        passed = _counted(session, "differential", program, _DIFFERENTIAL_LIMIT_S, {
            "NURI_BIN": str(session.root / "build" / "release" / "bin")})
        step.says = f"{passed} properties"


def e2e(session):
    program = session.root / "tests" / "e2e" / "run"
    if not program.exists():
        return
    if not build(session, "release"):
        session.fail("end-to-end tests: not run, the release build failed")
        return
    with session.step("base images"):
        if session.run("base_images", ["tools/base_images"]):
            session.fail("tools/base_images", session.log_path("base_images"))
            return
    with session.step("end-to-end tests") as step:
        _e2e(session, program, step)


def _e2e(session, program, step):
    artifacts = session.logs / "e2e"
    shutil.rmtree(artifacts, ignore_errors=True)
    artifacts.mkdir()
    passed = _counted(session, "e2e", program, _E2E_LIMIT_S, {
        "NURI_BIN": str(session.root / "build" / "release" / "bin"),
        "NURI_TEST_LOGS": str(artifacts)})
    step.says = f"{passed} cases"


def _counted(session, name, program, limit_s, env):
    """Cases passed of a program that says `FAILED: WHAT` for each failed one, why below it and
    indented, and at last `N passed, N failed`."""
    began = time.monotonic()
    status = session.run(name, [program], limit_s=limit_s, env=env)
    text = session.log_path(name).read_text(errors="replace")
    counts = re.findall(r"^(\d+) passed, (\d+) failed", text, re.MULTILINE)
    passed, failed = map(int, counts[-1]) if counts else (0, 0)
    session.passed += passed
    said = re.findall(r"^FAILED:? (.*)\n((?:    .*\n)*)", text, re.MULTILINE)[:failed]
    for what, why in said:
        session.fail(f"{name}: {what}")
        session.show(why.splitlines())
    for _ in range(failed - len(said)):
        session.fail(f"{name}: one more case")
    if status and failed == 0:
        session.fail(f"{name}: ended with status {status} after {time.monotonic() - began:.0f} s")
    if status and not any(why for _, why in said):
        session.show_end(session.log_path(name))
    return passed
