"""The unit's sandbox without systemd as the first process: as much of it as a plain machine lets root set up by hand.

`unshare --mount --uts --ipc python -m tests.live.sandbox JSON -- COMMAND…` becomes COMMAND. Outside in: file systems
that are read-only but for the daemon's own folders, empty homes and temporary folders, four devices, a /proc that shows
nobody else; limits; another user without a capability; a filter of system calls, made of systemd's own lists. What is
not here is told in docs/operations.rst.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

NOBODY = 65534
HIDDEN = {"/root": "0755", "/home": "0755", "/tmp": "1777", "/var/tmp": "1777"}
"""ProtectHome=tmpfs, PrivateTmp=yes: with the programs bound back in, wherever a test has them."""
DEVICES = ("null", "zero", "full", "random", "urandom")
STASH = "/mnt"
ALLOW, REFUSE = 0x7FFF0000, 0x00050000
"""SCMP_ACT_ALLOW, and SCMP_ACT_ERRNO but for the number."""
EQUAL, MASKED = 4, 7
"""SCMP_CMP_EQ and SCMP_CMP_MASKED_EQ."""
FAMILIES = (1, 2, 10)
"""AF_UNIX, AF_INET, AF_INET6: RestrictAddressFamilies=."""
NAMESPACES = 0x7E020080
"""All CLONE_NEW…: RestrictNamespaces=yes."""
SET_ID = 0o6000
"""S_ISUID and S_ISGID: RestrictSUIDSGID=yes."""
NEVER = ("unshare", "setns", "personality", "keyctl", "add_key", "request_key")
"""What RestrictNamespaces=, LockPersonality= and a private keyring leave nothing of for a daemon like this one."""


def run(*words: str) -> None:
    """Run a program that must succeed."""
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def mount_all(needed: Sequence[str], writable: Sequence[str]) -> None:
    """Have the folders `needed` in sight and only `writable` ones of them to be written to."""
    run("mount", "-t", "tmpfs", "-o", "mode=0700", "tmpfs", STASH)
    for number, path in enumerate(needed):
        os.mkdir(f"{STASH}/{number}")
        run("mount", "--bind", path, f"{STASH}/{number}")
    for path, mode in HIDDEN.items():
        run("mount", "-t", "tmpfs", "-o", f"mode={mode},nosuid,nodev", "tmpfs", path)
    for number, path in enumerate(needed):
        if path.startswith(tuple(f"{hidden}/" for hidden in HIDDEN)):
            os.makedirs(path, 0o755, exist_ok=True)
            run("mount", "--bind", f"{STASH}/{number}", path)
    for path in writable:
        run("mount", "--bind", path, path)
    _devices()
    for path in _mounted():
        if path not in {*writable, *HIDDEN, "/dev", "/proc"} and not path.startswith(("/dev/", "/proc/", STASH)):
            run("mount", "-o", "remount,bind,ro", path)
    run("umount", "--recursive", STASH)
    run("mount", "-t", "proc", "-o", "hidepid=invisible,subset=pid", "proc", "/proc")


def _mounted() -> list[str]:
    """Where anything is mounted."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    paths = [re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), line.split()[4]) for line in lines]
    return list(dict.fromkeys(paths))


def _devices() -> None:
    """PrivateDevices=yes."""
    os.mkdir(f"{STASH}/dev")
    for name in DEVICES:
        Path(f"{STASH}/dev/{name}").touch()
        run("mount", "--bind", f"/dev/{name}", f"{STASH}/dev/{name}")
    run("mount", "-t", "tmpfs", "-o", "mode=0755,nosuid,noexec", "tmpfs", "/dev")
    for name in DEVICES:
        Path(f"/dev/{name}").touch()
        run("mount", "--bind", f"{STASH}/dev/{name}", f"/dev/{name}")


def calls_of(group: str) -> set[str]:
    """The system calls of one of systemd's groups, those within it included."""
    told = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", group], capture_output=True, text=True, check=True
    )
    found: set[str] = set()
    for line in told.stdout.splitlines()[1:]:
        name = line.strip()
        if name.startswith("@"):
            found |= calls_of(name)
        elif name and not name.startswith("#"):
            found.add(name)
    return found


def allowed() -> list[str]:
    """SystemCallFilter=@system-service, then ~@privileged @resources."""
    return sorted(calls_of("@system-service") - calls_of("@privileged") - calls_of("@resources") - set(NEVER))


class _Compared(ctypes.Structure):
    """scmp_arg_cmp."""

    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


def filter_calls(names: Iterable[str]) -> None:
    """Let this process and what becomes of it make these system calls alone; anything else is EPERM."""
    library: Any = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(_Compared),
    ]  # fmt: skip
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    context = library.seccomp_init(REFUSE | errno.EPERM)

    def rule(action: int, name: str, *compared: _Compared) -> None:
        number = library.seccomp_syscall_resolve_name(name.encode())
        array = (_Compared * max(1, len(compared)))(*compared)
        if number >= 0:
            failed = library.seccomp_rule_add_array(context, action, number, len(compared), array)
            assert failed == 0, (name, failed)

    special = {"socket", "clone", "clone3", "chmod", "fchmod", "fchmodat"}
    for name in names:
        if name not in special:
            rule(ALLOW, name)
    for family in FAMILIES:
        rule(ALLOW, "socket", _Compared(0, EQUAL, family, 0))
    rule(ALLOW, "clone", _Compared(0, MASKED, NAMESPACES, 0))
    rule(REFUSE | errno.ENOSYS, "clone3")  # its flags are in memory, where no filter sees them: systemd does the same
    for name, at in (("chmod", 1), ("fchmod", 1), ("fchmodat", 2)):
        rule(ALLOW, name, _Compared(at, MASKED, SET_ID, 0))
    assert library.seccomp_load(context) == 0


def enter(settings: dict[str, Any], command: Sequence[str]) -> None:
    """As root, in namespaces of its own: set all up, then go on inside as nobody."""
    names = allowed()
    mount_all(settings["needed"], settings["writable"])
    most = min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1])  # a container's root may not raise it
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    os.chdir(settings["folder"])
    dropped = [
        "setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs", "--inh-caps=-all",
        "--ambient-caps=-all", "--bounding-set=-all",
    ]  # fmt: skip
    os.environ["PYTHONPATH"] = settings["root"]
    inside = [sys.executable, "-m", "tests.live.sandbox", "inside", ",".join(names), "--", *command]
    os.execvp(dropped[0], [*dropped, *inside])


def main() -> None:
    """See the head of the file."""
    words, command = sys.argv[1 : sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1 :]
    if words[0] == "inside":
        filter_calls(words[1].split(","))
        os.execvp(command[0], command)
    enter(json.loads(words[0]), command)


if __name__ == "__main__":
    main()
