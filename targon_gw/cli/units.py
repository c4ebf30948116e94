"""The files that make a service of an installation: two units, the user, the folders.

What `systemd/` holds is what these come to for the usual places. Nothing here looks at a disk or writes to it.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from attrs import frozen

UNITS: Final = "/etc/systemd/system"
SYSUSERS: Final = "/etc/sysusers.d"
TMPFILES: Final = "/etc/tmpfiles.d"
FD_LISTEN: Final = "systemd:domain=INET:index=0"
"""What gateway.yaml's `listen` says where systemd keeps the socket."""

SERVICE: Final = """\
# {units}/targon-gw.service: made by `targon-gw install-service`. Rather than edit it, put what differs into
# a file of its own: systemctl edit targon-gw
# The settings are root's, readable by the group targon-gw and nobody else; keys.d and clients.d beside them are the
# daemon's own.

[Unit]
Description=targon-gw, an OpenAI-compatible gateway
{after}Wants=network-online.target
StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=main
ExecStart={bin}/twistd -n --pidfile= --logger=targon_gw.logs.observer targon-gw -c {conf}/{file}
# Checked first, so that a mistake fails the reload visibly; the daemon would not take it either.
ExecReload={bin}/targon-gw check -c {conf}/{file}
ExecReload=/bin/kill -HUP $MAINPID
# A loop that stands still is ended by SIGABRT; the journal then has the stacks of all threads.
WatchdogSec=20
Restart=on-failure
RestartSec=2
# 75: another daemon holds the state folder. 78: the settings are wrong, or the state is damaged. Neither mends itself.
RestartPreventExitStatus=75 78
# A large ledger is read before the daemon is ready.
TimeoutStartSec=300
# Longer than the 30 s that gateway.yaml's `drain` gives running calls; where that is more, the daemon asks for more.
TimeoutStopSec=45

User=targon-gw
Group=targon-gw
StateDirectory=targon-gw
StateDirectoryMode=0700
RuntimeDirectory=targon-gw
RuntimeDirectoryMode=0750
UMask=0077
Environment=PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

# Each relayed call holds two descriptors. A core file would hold every key.
LimitNOFILE=65536
LimitCORE=0

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
# What `targon-gw keys add` and `clients add` write; everything else of the settings stays read-only.
ReadWritePaths=-{conf}/keys.d -{conf}/clients.d
ProtectHome={home}
ProtectProc=invisible
ProcSubset=pid
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
DevicePolicy=closed
PrivateDevices=yes
PrivateMounts=yes
PrivateTmp={tmp}
PrivateUsers=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
KeyringMode=private
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# Not here, on purpose: MemoryDenyWriteExecute. pyOpenSSL verifies a vendor's certificate in a callback that cffi
# makes in writable, executable memory; where that is denied, every call to a vendor over TLS fails.

[Install]
WantedBy=multi-user.target
{also}"""

SOCKET: Final = """\
# {units}/targon-gw.socket: made by `targon-gw install-service`. systemd keeps the listening socket, so that
# a restart of the service refuses nobody: who connects meanwhile waits for the next daemon. gateway.yaml says
#   listen: {listen}

[Unit]
Description=Where targon-gw listens

[Socket]
ListenStream={address}
FileDescriptorName=http
# All clients come back at once after a restart. net.core.somaxconn is the most that the kernel grants.
Backlog=4096

[Install]
WantedBy=sockets.target
"""

USER: Final = """\
# {sysusers}/targon-gw.conf: who the gateway runs as
u targon-gw - "targon-gw gateway" /var/lib/targon-gw
"""

FOLDERS: Final = """\
# {tmpfiles}/targon-gw.conf: the settings are root's, and the daemon may read them; it writes only to the two
# folders of what `targon-gw keys add` and `clients add` create.
d {conf} 0750 root targon-gw -
z {conf}/*.yaml 0640 root targon-gw -
d {conf}/keys.d 0700 targon-gw targon-gw -
d {conf}/clients.d 0700 targon-gw targon-gw -
"""


@frozen
class Installation:
    """Where a gateway is installed: the folder of its programs, its gateway.yaml; absolute paths.

    `address` is what the socket unit listens on (`127.0.0.1:3811`); `None` where the daemon listens by itself.
    """

    bin: str = "/opt/targon-gw/bin"
    gateway: str = "/etc/targon-gw/gateway.yaml"
    address: str | None = "127.0.0.1:3811"

    def files(self) -> dict[str, str]:
        """The text of each file, by its path."""
        conf, _, file = self.gateway.rpartition("/")
        after, also = "After=network-online.target\n", ""
        if self.address is not None:
            after = "Requires=targon-gw.socket\nAfter=network-online.target targon-gw.socket\n"
            also = "Also=targon-gw.socket\n"
        places = (f"{self.bin}/", f"{conf}/")
        words = {
            "bin": self.bin,
            "conf": conf,
            "file": file,
            "after": after,
            "also": also,
            "units": UNITS,
            "sysusers": SYSUSERS,
            "tmpfiles": TMPFILES,
            # What lies below these can't be hidden; it can still not be written to.
            "home": "read-only" if any(place.startswith(("/home/", "/root/")) for place in places) else "yes",
            "tmp": "no" if any(place.startswith(("/tmp/", "/var/tmp/")) for place in places) else "yes",
        }
        found = {f"{UNITS}/targon-gw.service": SERVICE.format(**words)}
        if self.address is not None:
            socket = SOCKET.format(units=UNITS, listen=FD_LISTEN, address=self.address)
            found[f"{UNITS}/targon-gw.socket"] = socket
        found[f"{SYSUSERS}/targon-gw.conf"] = USER.format(sysusers=SYSUSERS)
        found[f"{TMPFILES}/targon-gw.conf"] = FOLDERS.format(tmpfiles=TMPFILES, conf=conf)
        return found


def awkward(path: str) -> bool:
    """Whether a path has what units, sysusers and tmpfiles read each in a way of its own: blanks, quotes, `%`, `$`."""
    return re.fullmatch(r"(/[A-Za-z0-9._@+,=:-]+)+", path) is None


def address_of(listen: str) -> str | None:
    """The address that a socket unit would have for an endpoint of plain TCP; `None` for any other."""
    kind, _, rest = listen.removeprefix("haproxy:").partition(":")
    parts = rest.split(":") if kind == "tcp" else []
    port = next((part.removeprefix("port=") for part in parts if part.removeprefix("port=").isdigit()), None)
    if port is None:
        return None
    interface = next((part.removeprefix("interface=") for part in parts if part.startswith("interface=")), "")
    try:
        return f"{ipaddress.IPv4Address(interface)}:{port}" if interface else f"0.0.0.0:{port}"
    except ValueError:
        return None
