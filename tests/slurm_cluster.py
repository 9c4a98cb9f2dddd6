#!/usr/bin/python3
"""A Slurm cluster that is only this machine, for testing the sweep's engine on a real Slurm.

    tests/slurm_cluster.py FOLDER COMMAND...

runs COMMAND with SLURM_CONF set while the cluster is up. All of its files are in FOLDER, its ports
are free ones of the loopback address, and its daemons end with this program. It must run as root,
because slurmd starts jobs.
"""

import os
import secrets
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import support  # noqa: F401  adds stampedelib to the path
from stampedelib.process import die_with

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "sinfo")
WAIT_SECONDS = 60
CONFIGURATION = """\
ClusterName=stampede
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock
CredType=cred/munge
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,sched_min_interval=0,batch_sched_delay=0,max_sched_time=1
KillWait=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def free_ports(count):
    """Ports of the loopback address that are free now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def daemon_commands(folder):
    """The daemons' commands, in the foreground so that they are children of this program."""
    return [
        ["munged", "--force", "--foreground", f"--key-file={folder}/munge.key",
         f"--socket={folder}/munge.sock", f"--pid-file={folder}/munged.pid",
         f"--log-file={folder}/munged.log", f"--seed-file={folder}/munge.seed",
         "--num-threads=2"],
        ["slurmctld", "-D", "-c", "-f", f"{folder}/slurm.conf"],
        ["slurmd", "-D", "-c", "-f", f"{folder}/slurm.conf"],
    ]


def prepare(folder):
    """Write the files of the cluster."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    folder.chmod(0o755)
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    host = socket.gethostname().split(".")[0]
    (folder / "slurm.conf").write_text(CONFIGURATION.format(
        host=host, folder=folder, ports=free_ports(2), cpus=os.cpu_count()))


def wait_until_idle(folder, environment):
    """Wait until the node is idle."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        done = subprocess.run(["sinfo", "--noheader", "--format=%T"], env=environment, timeout=30,
                              capture_output=True, text=True, check=False)
        if done.stdout.strip() == "idle":
            return
        time.sleep(0.2)
    logs = "".join(path.read_text() for path in folder.glob("*.out"))
    raise SystemExit(f"slurm_cluster: no node in {WAIT_SECONDS} s\n{logs}")


@contextmanager
def cluster(folder):
    """Start the cluster. Yields the environment in which Slurm's commands find it."""
    folder = folder.absolute()
    prepare(folder)
    environment = os.environ | {"SLURM_CONF": f"{folder}/slurm.conf"}
    running = []
    try:
        for command in daemon_commands(folder):
            with (folder / f"{command[0]}.out").open("wb") as output:
                running.append(subprocess.Popen(command, env=environment, stdout=output,
                                                stderr=subprocess.STDOUT, start_new_session=True,
                                                preexec_fn=die_with(os.getpid())))
            while command[0] == "munged" and not (folder / "munge.sock").exists():
                time.sleep(0.05)
        wait_until_idle(folder, environment)
        yield environment
    finally:
        for process in reversed(running):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def main():
    """Run a command in the cluster."""
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    with cluster(Path(sys.argv[1])) as environment:
        raise SystemExit(subprocess.run(sys.argv[2:], env=environment, check=False).returncode)


if __name__ == "__main__":
    main()
