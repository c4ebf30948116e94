"""What the files of a service come to; and `systemd/`, which is the same for the usual places."""

from __future__ import annotations

from pathlib import Path

import pytest

from targon_gw.cli.units import Installation, address_of, awkward

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = {
    "/etc/systemd/system/targon-gw.service": "targon-gw.service",
    "/etc/systemd/system/targon-gw.socket": "targon-gw.socket",
    "/etc/sysusers.d/targon-gw.conf": "targon-gw.sysusers",
    "/etc/tmpfiles.d/targon-gw.conf": "targon-gw.tmpfiles",
}


class InstallationTests:
    """The files of an installation."""

    def test_usual_places_are_what_is_shipped(self) -> None:
        """Each file of systemd/ is what `install-service` writes for /opt/targon-gw and /etc/targon-gw."""
        files = Installation().files()

        assert files.keys() == SHIPPED.keys()
        assert {path.name for path in (ROOT / "systemd").iterdir()} == set(SHIPPED.values())
        for path, name in SHIPPED.items():
            assert files[path] == (ROOT / "systemd" / name).read_text("utf-8"), name

    def test_other_places(self) -> None:
        """Programs and settings that lie elsewhere are named wherever they matter."""
        files = Installation("/srv/gw/bin", "/srv/etc/one.yaml", "0.0.0.0:80").files()
        service = files["/etc/systemd/system/targon-gw.service"]

        assert "ExecStart=/srv/gw/bin/twistd -n " in service and "-c /srv/etc/one.yaml\n" in service
        assert "ExecReload=/srv/gw/bin/targon-gw check -c /srv/etc/one.yaml\n" in service
        assert "ReadWritePaths=-/srv/etc/keys.d -/srv/etc/clients.d\n" in service
        assert "ListenStream=0.0.0.0:80\n" in files["/etc/systemd/system/targon-gw.socket"]
        assert "d /srv/etc/keys.d 0700 targon-gw targon-gw -\n" in files["/etc/tmpfiles.d/targon-gw.conf"]
        assert not any("/opt/" in text or "/etc/targon-gw" in text for text in files.values())

    def test_without_a_socket(self) -> None:
        """Where the daemon listens by itself there is no socket unit, and nothing asks for one."""
        files = Installation(address=None).files()

        assert "/etc/systemd/system/targon-gw.socket" not in files
        assert "targon-gw.socket" not in "".join(files.values())

    @pytest.mark.parametrize(
        ("bin", "home", "tmp"),
        [("/opt/x/bin", "yes", "yes"), ("/home/ann/gw/bin", "read-only", "yes"), ("/tmp/gw/bin", "yes", "no")],
    )
    def test_hides_nothing_that_it_needs(self, bin: str, home: str, tmp: str) -> None:
        """A program below a folder that the sandbox would hide stays to be seen."""
        service = Installation(bin=bin).files()["/etc/systemd/system/targon-gw.service"]

        assert f"ProtectHome={home}\n" in service
        assert f"PrivateTmp={tmp}\n" in service


class AddressTests:
    """Where a socket unit listens."""

    @pytest.mark.parametrize(
        ("listen", "address"),
        [
            ("tcp:3811:interface=127.0.0.1", "127.0.0.1:3811"),
            ("tcp:port=80", "0.0.0.0:80"),
            ("haproxy:tcp:3811:interface=10.0.0.1", "10.0.0.1:3811"),
            ("tcp:3811:interface=eth0", None),
            ("ssl:443:privateKey=a:certKey=b", None),
            ("unix:/run/x", None),
            ("systemd:domain=INET:index=0", None),
        ],
    )
    def test_out_of_an_endpoint(self, listen: str, address: str | None) -> None:
        """That of plain TCP is the socket's, too; any other says nothing."""
        assert address_of(listen) == address

    def test_awkward_paths(self) -> None:
        """What would be read in more than one way is not put into a unit."""
        assert not awkward("/opt/targon-gw_2/bin@x")
        for path in ("relative", "/with blank", "/a\nb", "/a;b", "/a'b", "/a%b", "/a$b", "/a\\b", "/"):
            assert awkward(path), path
