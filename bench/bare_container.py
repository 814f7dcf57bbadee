"""The program of an instance started with `crun run` and nothing else: same layers under an
overlay, same command, environment and kind of namespaces; the host's network and root instead of a
network of its own, a mapped user, limits and a supervisor. What Nuri's start is compared with."""

import ctypes
import json
import multiprocessing
import os
import signal
import subprocess
import time
from pathlib import Path

from harness.nuri_cli import request
from harness.ports import free_port
from harness.waiting import until

_CLONE_NEWNS = 0x20000
_START_S = 60
_CAPABILITIES = ["CAP_DAC_OVERRIDE", "CAP_SETUID", "CAP_SETGID", "CAP_NET_BIND_SERVICE"]


def parse_spec(text):
    """{key: [values]} of a shim.spec (docs/formats/shim.md)."""
    found = {}
    for line in text.split("\n")[1:]:
        key, _, value = line.partition(" ")
        value = value.replace("\\\\", "\0").replace("\\n", "\n").replace("\0", "\\")
        found.setdefault(key, []).append(value)
    return found


def _config(spec, rootfs, port):
    environment = [one for one in spec["env"] if not one.startswith("PORT=")] + [f"PORT={port}"]
    return {
        "ociVersion": "1.0.2", "root": {"path": str(rootfs)}, "hostname": "bare",
        "process": {"terminal": False, "user": {"uid": 0, "gid": 0}, "args": spec["arg"],
                    "env": environment, "cwd": spec.get("cwd", ["/"])[0],
                    "noNewPrivileges": True, "capabilities": {
                        kind: _CAPABILITIES for kind in ("bounding", "effective", "permitted")}},
        "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"},
                   {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
                   {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "mount", "ipc", "uts")]}}


class BareContainer:
    """Works in a process of its own, whose mount namespace ends with it."""

    def __init__(self, spec_text, folder):
        self.spec, self.folder = parse_spec(spec_text), Path(folder)
        self.ours, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=self._serve, args=(theirs,), daemon=True)

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.ours.send("end")
        self.process.join(10)
        self.process.kill()

    def seconds_to_first_answer(self):
        self.ours.send("start")
        if not self.ours.poll(_START_S * 2):
            raise TimeoutError("crun run did not answer")
        answer = self.ours.recv()
        if isinstance(answer, str):
            raise OSError(answer)
        return answer

    def _serve(self, pipe):
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self._enter_namespace()
        number = 0
        while pipe.recv() == "start":
            number += 1
            try:
                pipe.send(self._once(f"bare-{os.getpid()}-{number}"))
            except Exception as error:  # the other side says it
                pipe.send(f"crun run: {error}")

    def _enter_namespace(self):
        if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        if os.path.ismount("/sys/fs/cgroup/unified"):
            subprocess.run(["umount", "/sys/fs/cgroup/unified"], check=True)  # crun 1.8 stops at it
        for part in ("upper", "work", "rootfs"):
            (self.folder / part).mkdir(parents=True)

    def _once(self, name):
        """Mounting the root is part of a start, there as here."""
        port = free_port()
        rootfs = self.folder / "rootfs"
        (self.folder / "config.json").write_text(json.dumps(_config(self.spec, rootfs, port)))
        layers = ":".join(self.spec["lower"])
        began = time.perf_counter()
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                        f"lowerdir={layers},upperdir={self.folder}/upper,"
                        f"workdir={self.folder}/work", rootfs], check=True)
        log = self.folder.parent / "bare.log"
        with open(log, "ab") as out:
            crun = subprocess.Popen(["crun", "--cgroup-manager=cgroupfs", "run", "--bundle",
                                     self.folder, name], stdout=out, stderr=out)
        try:
            until(lambda: crun.poll() is not None or request(port, "/", seconds=5).status == 200,
                  _START_S, "an answer", every_s=0.003)
            seconds = time.perf_counter() - began
            if crun.poll() is not None:
                raise OSError(f"it ended with {crun.returncode}: {log.read_text()[-500:]}")
            return seconds
        finally:
            subprocess.run(["crun", "delete", "--force", name], capture_output=True, check=False)
            crun.wait(10)
            subprocess.run(["umount", rootfs], check=True)
