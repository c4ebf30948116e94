"""The file that holds a token."""

from __future__ import annotations

from pathlib import Path

import pytest

from targon_gw.core.config import Admin, Metrics, Secret
from targon_gw.settings.reading import Unreadable
from targon_gw.settings.showing import show
from targon_gw.settings.tokens import SHORTEST, read_token

from .folder import SMALL, loaded, refused

TOKEN = "canary-0123456789abcdef"


def kept(path: Path, content: str | bytes, mode: int = 0o600) -> str:
    """Write a file of that mode; its path."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    path.chmod(mode)
    return str(path)


class ReadTests:
    """`read_token`."""

    @pytest.mark.parametrize("end", ["", "\n", "\r\n"])
    def test_content(self, end: str, tmp_path: Path) -> None:
        """The token is the file without the end of its line."""
        assert read_token(kept(tmp_path / "token", TOKEN + end)) == Secret(TOKEN)

    @pytest.mark.parametrize("mode", [0o400, 0o600, 0o640])
    def test_modes(self, mode: int, tmp_path: Path) -> None:
        """It may be the owner's and its group's."""
        assert read_token(kept(tmp_path / "token", TOKEN, mode)) == Secret(TOKEN)

    @pytest.mark.parametrize(
        ("content", "mode", "why"),
        [
            (TOKEN, 0o644, "may be read by everybody on this machine; chmod 640 or 600 it"),
            ("", 0o600, "is empty"),
            ("\n", 0o600, "is empty"),
            ("canary 0123456789abcdef", 0o600, "printable ASCII characters without spaces"),
            ("canary-0123456789abcdéf", 0o600, "printable ASCII characters without spaces"),
            (b"canary-0123456789\xff\xfe", 0o600, "printable ASCII characters without spaces"),
            (f"{TOKEN}\n{TOKEN}", 0o600, "printable ASCII characters without spaces"),
            ("canary-" + "x" * (SHORTEST - 8), 0o600, f"holds a token of {SHORTEST - 1} characters"),
            ("canary" * 20_000, 0o600, "is larger than"),
        ],
    )
    def test_unfit(self, content: str | bytes, mode: int, why: str, tmp_path: Path) -> None:
        """What can't be a token is refused with the reason, and nothing of it is repeated."""
        with pytest.raises(Unreadable) as told:
            read_token(kept(tmp_path / "token", content, mode))

        assert why in str(told.value)
        assert "canary" not in str(told.value)

    def test_no_file(self, tmp_path: Path) -> None:
        """A file that is not there, and what is no file, are told apart from a bad token."""
        for path, why in ((tmp_path / "none", "No such file"), (tmp_path, "not a regular file")):
            with pytest.raises(Unreadable, match=f"cannot be read: {why}"):
                read_token(str(path))


class AdminTests:
    """`admin.token_file` of gateway.yaml."""

    def test_read(self, tmp_path: Path) -> None:
        """It is read as that of the metrics is, has an effect, and is shown nowhere; the socket stays."""
        path = kept(tmp_path / "admin.token", TOKEN)
        gateway = SMALL["gateway.yaml"] + "admin: {socket: a.sock, token_file: admin.token}\n"
        found = loaded(tmp_path, {"gateway.yaml": gateway})

        assert found.config.admin == Admin(str(tmp_path / "a.sock"), path, Secret(TOKEN))
        assert show(found.config)["admin"] == {"socket": str(tmp_path / "a.sock"), "token_file": path}
        assert TOKEN not in repr(found)

    def test_missing(self, tmp_path: Path) -> None:
        """A file that is not there is a mistake in gateway.yaml; so is a token in the place of its file."""
        told = refused(tmp_path, {"gateway.yaml": SMALL["gateway.yaml"] + "admin: {token_file: none}\n"})
        assert "gateway.yaml:2:21: the file 'none' cannot be read: No such file or directory" in told
        told = refused(tmp_path, {"gateway.yaml": SMALL["gateway.yaml"] + "admin: {token: x}\n"})
        assert "unknown setting 'token'; did you mean 'token_file'?" in told


class MetricsTests:
    """`metrics.token_file` of gateway.yaml."""

    def files(self, value: str) -> dict[str, str]:
        """Settings with that token_file."""
        return {"gateway.yaml": SMALL["gateway.yaml"] + f"metrics: {{token_file: {value}}}\n"}

    def test_none(self, tmp_path: Path) -> None:
        """Without a file there is no token."""
        assert loaded(tmp_path, self.files("null")).config.metrics == Metrics(None, None)

    def test_beside_gateway_yaml(self, tmp_path: Path) -> None:
        """The path leads from the file that names it; it has an effect, and the token is shown nowhere."""
        path = kept(tmp_path / "metrics.token", TOKEN)
        found = loaded(tmp_path, self.files("metrics.token"))

        assert found.config.metrics == Metrics(path, Secret(TOKEN))
        assert show(found.config)["metrics"] == {"token_file": path}
        assert TOKEN not in repr(found)

    def test_missing(self, tmp_path: Path) -> None:
        """A file that is not there is a mistake in gateway.yaml, told with its place, beside all others."""
        told = refused(tmp_path, {**self.files("metrics.token"), "clients.yaml": "clients: [{name: x}]\n"})

        assert "gateway.yaml:2:23: the file 'metrics.token' cannot be read: No such file or directory" in told
        assert "clients.yaml" in told
