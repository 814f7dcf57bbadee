"""What a realm has on this machine, found without asking Nuri: processes, control groups, mounts,
network, loop devices. So that a case can say what is left, and what there is twice."""

import hashlib
import os
import subprocess
from pathlib import Path


def _read(path):
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""


def command_line(pid):
    return _read(f"/proc/{pid}/cmdline").replace("\0", " ").strip()


def _pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _is_zombie(pid):
    stat = _read(f"/proc/{pid}/stat")
    return not stat or stat.rpartition(")")[2].split()[0] in "ZX"


class Machine:
    """What belongs to one realm."""

    def __init__(self, realm):
        self.realm = realm
        self.state = f"/var/lib/nuri/{realm}"
        self.run = f"/run/nuri/{realm}"
        self.cgroup = f"nuri-{realm}"
        self.prefix = "nr" + hashlib.sha256(realm.encode()).hexdigest()[:6]

    def processes(self):
        """{pid: command line} of Nuri's own processes and of everything in its control groups."""
        found = {}
        words = (f"--realm {self.realm} ", f"{self.run}/i/")
        for pid in _pids():
            command = command_line(pid)
            ours = any(word in command + " " for word in words) and "nuri" in command
            if ours or f"/{self.cgroup}/" in _read(f"/proc/{pid}/cgroup"):
                if pid != os.getpid() and not _is_zombie(pid):
                    found[pid] = command
        return found

    def process(self, name):
        """The pid of `nuri NAME` (up, host, router, server) of this realm; None if none runs."""
        for pid, command in self.processes().items():
            if f"nuri {name} " in command + " " and f"--realm {self.realm} " in command + " ":
                return pid
        return None

    def shims(self):
        """{instance guid: pid}"""
        found = {}
        for pid, command in self.processes().items():
            words = command.split()
            if len(words) >= 3 and words[0].endswith("nuri-shim") and words[1] == "run":
                found[words[2].rstrip("/").rpartition("/")[2]] = pid
        return found

    def in_instance(self, guid):
        """Pids inside the sandbox of an instance: its init and the app."""
        where = f"/{self.cgroup}/app/{guid}"
        return sorted(pid for pid in _pids() if not _is_zombie(pid)
                      and any(line.endswith(where) or where + "/" in line
                              for line in _read(f"/proc/{pid}/cgroup").split("\n")))

    def cgroups(self):
        found = []
        for top in sorted(Path("/sys/fs/cgroup").glob(f"**/{self.cgroup}")):
            found += [str(path) for path in [top, *top.rglob("*")] if path.is_dir()]
        return found

    def mounts(self):
        """Of this process's mount namespace, without the disk that the state is on."""
        points = [line.split()[4] for line in _read("/proc/self/mountinfo").split("\n") if line]
        return [point for point in points if point.startswith((self.run, self.state + "/"))]

    def loop_devices(self):
        found = []
        for file in Path("/sys/block").glob("loop*/loop/backing_file"):
            backing = _read(file).strip()
            if backing.startswith(self.state + "/"):
                found.append(f"{file.parts[3]} {backing}")
        return sorted(found)

    def interfaces(self):
        return sorted(name for name in os.listdir("/sys/class/net") if name.startswith(self.prefix))

    def nft_tables(self):
        listed = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True,
                                check=False).stdout.split("\n")
        return [line for line in listed if line.split()[-1:] ==
                ["nuri_" + self.realm.replace("-", "_")]]

    def network_namespaces(self):
        """Those of this realm's processes, other than ours."""
        mine = os.readlink("/proc/self/ns/net")
        found = set()
        for pid in self.processes():
            try:
                found.add(os.readlink(f"/proc/{pid}/ns/net"))
            except OSError:
                pass
        return sorted(found - {mine})

    def run_files(self):
        return sorted(str(path) for path in Path(self.run).glob("**/*")) + \
            ([self.run] if os.path.exists(self.run) else [])

    def leftovers(self):
        """Everything that must be gone after `nuri down`, by kind; {} when it is."""
        kinds = {"processes": list(self.processes().items()), "control groups": self.cgroups(),
                 "mounts": self.mounts(), "loop devices": self.loop_devices(),
                 "interfaces": self.interfaces(), "nft tables": self.nft_tables(),
                 "files": self.run_files()}
        return {kind: what for kind, what in kinds.items() if what}

    def counts(self):
        """Of what each instance has one or some of; equal before and after when nothing leaks."""
        paths = self.cgroups()
        names = lambda kind: len({path.split(f"/{kind}/")[1].split("/")[0]
                                  for path in paths if f"/{kind}/" in path})
        return {"shims": len(self.shims()), "app control groups": names("app"),
                "build control groups": names("build"), "shim control groups": names("shim"),
                "network namespaces": len(self.network_namespaces()),
                "interfaces": len(self.interfaces()), "loop devices": len(self.loop_devices()),
                "mounts": len(self.mounts()),
                "instance folders": len(list(Path(f"{self.run}/i").glob("*"))),
                "disks": len(list(Path(f"{self.state}/host/disks").glob("*.img")))}


def memory_kb(pid, field):
    """A field of /proc/PID/smaps_rollup (Rss, Pss, Private_Clean, …)."""
    for line in _read(f"/proc/{pid}/smaps_rollup").split("\n"):
        if line.startswith(field + ":"):
            return int(line.split()[1])
    return 0
