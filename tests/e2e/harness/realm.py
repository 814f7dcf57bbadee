"""A Nuri of a case's own: started from the programs under test, with ports that are free, and
removed from the machine whatever happens."""

import fcntl
import json
import os
import secrets
import shutil
import subprocess
from pathlib import Path

from .machine import Machine
from .nuri_cli import Cli
from .ports import free_ports
from .waiting import Failed, Stopwatch, check, until

ROOT = Path(__file__).resolve().parents[3]
BIN = Path(os.environ.get("NURI_BIN", ROOT / "build/release/bin"))
NURI = BIN / "nuri"
_PREFIX = "e2e-"
_LOCKS = Path("/run/nuri-e2e")
_UP_S = 90
_DISK_MB = 30_000
_DOWN_S = 90


class Realm(Cli):
    """up() … remove(). Also a command line (Cli) that is the administrator's there.

    Its state is on a file system of its own, a sparse file: removing that is quick where freeing
    tens of thousands of files takes minutes (an ext4 that is mounted with `discard`), and no case
    waits for the removal of another's.
    """

    def __init__(self, name=None):
        self.name = name or _PREFIX + secrets.token_hex(4)
        _LOCKS.mkdir(exist_ok=True)
        self._lock_path = _LOCKS / self.name
        self._lock = open(self._lock_path, "w", encoding="utf-8")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.port, self.api_port = free_ports(2)
        self.machine = Machine(self.name)
        self.state = Path(self.machine.state)
        self.scratch = Path(f"/tmp/nuri-e2e/{self.name}")
        shutil.rmtree(self.scratch, ignore_errors=True)  # of a run that died: the lock is ours
        self.scratch.mkdir(parents=True)
        self.more_flags, self.more_environment, self.down_s = [], {}, 0
        super().__init__(NURI, f"http://127.0.0.1:{self.api_port}", self.scratch / "home",
                         realm=self.name)

    def flags(self):
        return ["--realm", self.name, "--listen", f"127.0.0.1:{self.port}",
                "--api", f"127.0.0.1:{self.api_port}", "--buildpacks", str(ROOT / "buildpacks"),
                *self.more_flags]

    def mount_disk(self, megabytes=_DISK_MB):
        image = self.scratch / "disk.img"
        with open(image, "wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", "-E", "nodiscard", image], check=True)
        self.state.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-o", "loop", image, self.state], check=True)

    def up(self, seconds=_UP_S):
        done = self.try_up(seconds)
        if done.returncode:
            raise Failed(f"nuri up ended with {done.returncode}:\n{done.stdout}{done.stderr}\n"
                         f"{self.log_end()}")
        return done

    def try_up(self, seconds=_UP_S, more_flags=()):
        return subprocess.run([NURI, "up", "--detach", *self.flags(), *more_flags],
                              capture_output=True, text=True, timeout=seconds, check=False,
                              env={**os.environ, **self.more_environment})

    def down(self, seconds=_DOWN_S):
        done = subprocess.run([NURI, "down", *self.flags()], capture_output=True, text=True,
                              timeout=seconds, check=False)
        if done.returncode:
            raise Failed(f"nuri down ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def password(self):
        return json.loads((self.state / "server/admin.json").read_text())["password"]

    def log_end(self, lines=30):
        try:
            text = (self.state / "nuri.log").read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.split("\n")[-lines:])

    def kill(self, *names):
        """kill -9 of Nuri's processes by name, all at once; their pids."""
        pids = {name: self.machine.process(name) for name in names}
        for name, pid in pids.items():
            if pid is None:
                raise Failed(f"nuri {name} does not run, it cannot be killed")
        for pid in pids.values():
            os.kill(pid, 9)
        return pids

    def until_replaced(self, pids, seconds=20):
        for name, pid in pids.items():
            until(lambda: self.machine.process(name) not in (None, pid), seconds,
                  f"nuri {name} runs again")

    def settled(self, seconds=40):
        """Waits until there are the instances that should run and no others, and no builds; what
        is on the machine then (Machine.counts)."""
        def wanted():
            apps = [one for one in self.json("apps")["apps"] if one["state"] == "started"]
            return sum(process["instances"] for one in apps for process in one["processes"])

        def still():
            counts, count = self.machine.counts(), wanted()
            kinds = ("shims", "instance folders", "disks", "shim control groups")
            more = {kind: counts[kind] for kind in kinds if counts[kind] != count}
            if counts["build control groups"]:
                more["build control groups"] = counts["build control groups"]
            check(not more, f"{count} instances should run, but there are {more}")
            return counts
        return until(still, seconds, "everything has settled")

    def as_before(self, before, seconds=40):
        """Waits until what is on the machine is as before (a settled())."""
        def same():
            counts = self.machine.counts()
            other = {kind: (counts[kind], before[kind]) for kind in before
                     if counts[kind] != before[kind]}
            check(not other, f"now, before: {other}")
            return True
        until(same, seconds, "what is on the machine is as before")

    def keep_logs(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for file in (*self.state.glob("nuri.log*"), *self.scratch.glob("*.log")):
            shutil.copy(file, folder / file.name)

    def remove(self):
        """Ends it and removes its data, whatever state it is in."""
        problem, watch = "", Stopwatch()
        try:
            if os.path.exists(self.machine.run) or self.machine.processes():
                self.down()
        except (Failed, subprocess.TimeoutExpired, OSError) as error:
            problem = str(error)
        self.down_s = watch.seconds()
        force_removal(self.machine)
        shutil.rmtree(self.scratch, ignore_errors=True)
        self._lock_path.unlink(missing_ok=True)
        self._lock.close()
        if problem:
            raise Failed(problem)


def force_removal(machine):
    """Without Nuri's help, which may be what is broken."""
    for _ in range(3):
        for pid in machine.processes():
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass
        try:
            until(lambda: not machine.processes(), 5, "processes end")
            break
        except Failed:
            continue
    for path in sorted(machine.cgroups(), key=len, reverse=True):
        try:
            os.rmdir(path)
        except OSError:
            pass
    for name in machine.interfaces():
        subprocess.run(["ip", "link", "delete", name], capture_output=True, check=False)
    for line in machine.nft_tables():
        subprocess.run(["nft", "delete", *line.split()], capture_output=True, check=False)
    for path in sorted(machine.mounts(), key=len, reverse=True):
        subprocess.run(["umount", "-l", path], capture_output=True, check=False)
    for device in machine.loop_devices():
        subprocess.run(["losetup", "-d", "/dev/" + device.split()[0]], capture_output=True,
                       check=False)
    while os.path.ismount(machine.state):
        subprocess.run(["umount", "-l", machine.state], capture_output=True, check=False)
    shutil.rmtree(machine.run, ignore_errors=True)
    shutil.rmtree(machine.state, ignore_errors=True)


def sweep_dead():
    """Removes what runs of these tests that were killed have left on the machine."""
    names = {path.name for where in ("/var/lib/nuri", "/run/nuri", str(_LOCKS))
             for path in Path(where).glob(_PREFIX + "*")}
    for name in sorted(names):
        try:
            leftover = Realm(name)
        except BlockingIOError:
            continue  # of a run that lives
        try:
            leftover.remove()
        except Failed:
            pass  # it was removed by force
