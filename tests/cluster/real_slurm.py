"""A SLURM of one node: its daemons, started and stopped here, in a folder of their own; munged with its own key.

Needs Debian's ``slurm-wlm`` and ``munge`` (``make test-slurm`` installs them) and root, as slurmd does.  Nothing of it
outlives the tests, also where those are interrupted, terminated (all ends as usual) or killed (the daemons end).
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

import pytest

DAEMONS = ("munged", "slurmctld", "slurmd")
PROGRAMS = (*DAEMONS, "sbatch", "squeue", "sinfo", "scancel", "scontrol", "srun")
#: Seconds that a job stays in the queue at least when it was put back.
SETTLED = 4.0
#: Partition "low" is what jobs of "high" take the place of.
CONFIG = """\
ClusterName=dlcx
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
KillWait=15
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=low Nodes={host} Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=high Nodes={host} MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
"""


def _path() -> str:
    return os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


def _end_of_tests(*_: int | FrameType | None) -> None:
    pytest.exit("terminated", returncode=128 + signal.SIGTERM)


class RealSlurm:
    """A context manager; ``environment`` is for programs that talk to it."""

    def __init__(self, cpus: int = 2) -> None:
        self.cpus = cpus
        self.daemons: list[subprocess.Popen[bytes]] = []
        self.folder = Path()
        self.environment: dict[str, str] = {}

    def __enter__(self) -> RealSlurm:
        if missing := [name for name in PROGRAMS if not shutil.which(name, path=_path())]:
            pytest.fail(
                f"not installed: {', '.join(missing)}; 'make test-slurm' installs slurm-wlm and munge of Debian"
            )
        if os.geteuid():
            pytest.fail("slurmd needs root")
        # a short path, as sockets need, that other users may enter
        self.folder = Path(tempfile.mkdtemp(prefix="dlcx-slurm-", dir="/tmp"))
        self.environment = {"SLURM_CONF": str(self.folder / "slurm.conf")}
        self._before = signal.signal(signal.SIGTERM, _end_of_tests)
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(RuntimeError, subprocess.TimeoutExpired):
            if len(self.daemons) == len(DAEMONS):
                self.call("scancel", "--me")
                self.until_empty(30)
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for process in self._own_processes():  # steps that wait for a daemon to hear of their end
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)
        signal.signal(signal.SIGTERM, self._before)

    def _own_processes(self) -> list[int]:
        """All that this SLURM has started and that still run: the folder's name is in their environment."""
        mark = f"SLURM_CONF={self.folder}/".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark in (path / "environ").read_bytes() and int(path.name) != os.getpid():
                    found.append(int(path.name))
        return found

    def call(self, *words: str, check: bool = True) -> str:
        """What a program of SLURM prints."""
        environment = {**os.environ, **self.environment, "PATH": _path()}
        done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
        return done.stdout

    def states(self) -> dict[str, str]:
        """Jobs that wait or run, tasks of arrays one by one."""
        return dict(
            line.split() for line in self.call("squeue", "--array", "--noheader", "--format=%i %T").splitlines()
        )

    def until_empty(self, seconds: float = 300) -> None:
        """Wait until every job has ended; those that were put back into the queue need not wait two minutes there.

        They wait for ``SETTLED`` seconds: of a job that begins again in the second in which it ended, slurmd says that
        its credential is revoked, and SLURM ends it.
        """
        until = time.monotonic() + seconds
        waiting: dict[str, float] = {}
        while states := self.states():
            now = time.monotonic()
            if now > until:
                raise RuntimeError(f"jobs that did not end: {states}\n{self.call('scontrol', 'show', 'job')}")
            waiting = {job: waiting.get(job, now) for job, state in states.items() if state == "PENDING"}
            for job, since in waiting.items():
                if now - since > SETTLED:
                    self.call("scontrol", "update", f"JobId={job}", "StartTime=now", check=False)
            time.sleep(0.5)

    def _start(self) -> None:
        folder = self.folder
        folder.chmod(0o755)
        for name in ("state", "spool"):
            (folder / name).mkdir()
        key = folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        host = socket.gethostname().partition(".")[0]
        ports = _free_ports(2)
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20 - 256
        text = CONFIG.format(folder=folder, host=host, ports=ports, cpus=self.cpus, memory=memory)
        (folder / "slurm.conf").write_text(text, encoding="utf-8")
        munge = ["--socket", "--pid-file", "--log-file", "--seed-file"]
        files = [
            f"{flag}={folder / f'munge.{end}'}" for flag, end in zip(munge, ("sock", "pid", "log", "seed"), strict=True)
        ]
        self._daemon("munged", "--foreground", f"--key-file={key}", *files)
        self._wait(lambda: (folder / "munge.sock").exists(), "munged")
        self._daemon("slurmctld", "-D")
        self._daemon("slurmd", "-D")
        self._wait(lambda: "idle" in self.call("sinfo", "--noheader", "--format=%T", check=False), "slurmd")

    def _daemon(self, *words: str) -> None:
        environment = {**os.environ, **self.environment, "PATH": _path()}
        with open(self.folder / f"{words[0]}.out", "wb") as output:
            mortal = ["setpriv", "--pdeathsig", "TERM", *words]  # it ends when this process is gone
            # a session of its own: what ends a group of processes lets the jobs be canceled first
            self.daemons.append(
                subprocess.Popen(mortal, env=environment, stdout=output, stderr=output, start_new_session=True)
            )

    def _wait(self, ready, name: str, seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > until or any(daemon.poll() is not None for daemon in self.daemons):
                said = "\n".join(path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*.out"))
                raise RuntimeError(f"{name} did not start:\n{said}")
            time.sleep(0.2)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
