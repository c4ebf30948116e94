"""Secrets are nowhere but where they belong (promise P19; faults catalogue, C-02 to C-04, D-42, D-43, F-14, F-25).

Every key of the vendor, every client's key, the token for /metrics and what clients say are canaries. The vendor
commits every fault of its catalogue, to streams and to whole answers; clients come with wrong keys, with keys in the
address, with keys of the vendor. Then each byte that the gateway has said or written is searched, for pieces of them
too: answers with their headers, the log, /metrics, /health, what its command line prints, ledger, state, what /proc
shows of the process; and the modes of its files are looked at. `python -m tests.promises.canaries [--rounds N]`
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import stat
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from attrs import define, field

from tests.live.rig import Rig, Wishes, started
from tests.promises import verdict
from tests.promises.verdict import Measured
from tests.promises.witness import ADMIN, settled

VENDOR_KEYS = 90
"""More than there are faults: a key that is barred for one is no loss."""
PIECE, STRIDE = 12, 5
"""A leak of 16 characters in a row is found, wherever in a secret they stand."""
SMALL = {"flood": "1", "endless-line": "2", "gzip-bomb": "4", "many-headers": "5000", "slow-first-token": "1"}
"""Faults that need not be as large or as slow as they can be."""
AT_HEAD = "early-413"
"""A fault that no model's name brings about: it comes before the name is read."""
VERBS = (("status",), ("keys", "list"), ("clients", "list"), ("config", "show"), ("calls",), ("usage",), ("check",))


@define(eq=False)
class Canaries:
    """What must not be found, by its kind; each of its own random letters."""

    luck: random.Random
    vendor: list[str] = field(init=False)
    client: str = field(init=False)
    token: str = field(init=False)
    prompt: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.vendor = [f"sn4_{self._letters()}" for _ in range(VENDOR_KEYS)]
        self.client, self.token, self.prompt = f"sk-tg-{self._letters()}", self._letters(), self._letters()

    def _letters(self) -> str:
        return "".join(self.luck.choices("abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=36))

    def pieces(self, prompts: bool) -> Iterator[tuple[str, bytes]]:
        """Kinds and pieces of them; what a client said is looked for only where `prompts`."""
        kinds = [("vendor's key", key) for key in self.vendor]
        kinds += [("client's key", self.client), ("token", self.token)]
        kinds += [("prompt", self.prompt)] if prompts else []
        for kind, secret in kinds:
            for at in range(6, len(secret) - PIECE + 1, STRIDE):
                yield kind, secret[at : at + PIECE].encode()

    def hits(self, place: str, told: bytes, prompts: bool = True) -> list[str]:
        """What of them is found in what was said or written there."""
        found = Counter(kind for kind, piece in self.pieces(prompts) if piece in told)
        return [f"a {kind} in {place}" for kind in found]


@define(eq=False)
class Found:
    """What was searched, and what was found."""

    faults: int = 0
    answers: Counter[int] = field(factory=Counter)
    searched: Counter[str] = field(factory=Counter)
    """Bytes by place."""
    wrong: list[str] = field(factory=list)


def prove(folder: Path, rounds: int, seed: int) -> Found:
    """Go through all faults; raises AssertionError where a canary is found."""
    canaries, found = Canaries(random.Random(seed)), Found()
    (folder / "metrics.token").write_text(canaries.token)
    (folder / "metrics.token").chmod(0o600)
    faults = _names()
    wishes = Wishes(
        accounts={f"account-{at}": [key] for at, key in enumerate(canaries.vendor)},
        models=[{"id": f"m-{name}"} for name in [*faults, "plain"]],
        upstream={"timeouts": {"first_token": "400ms", "idle": "400ms", "total": "3s"}, "draw": "round_robin"},
        gateway={
            **ADMIN,
            "flush": "200ms",
            "metrics": {"token_file": "metrics.token"},
            "retries": {"attempts": 1, "budget": "100%"},
        },
        clients=[{"name": "tester", "key": canaries.client}],
        dialect="openai",
    )
    with started(folder, wishes) as rig:
        for _ in range(rounds):
            _all_faults(rig, canaries, faults, found)
        for name, method, path, fields, body in hostile(canaries):
            _heard(found, canaries, f"the answer to {name}", _raw(rig, method, path, fields, body))
        settled(rig)
        _search_all(rig, canaries, found)
    _search(found, canaries, "the log", rig.log.read_bytes())
    assert not found.wrong, "\n".join(found.wrong)
    return found


def _names() -> list[str]:
    from targon_gw.rehearsal.catalogue import CATALOGUE

    return list(CATALOGUE)


def _all_faults(rig: Rig, canaries: Canaries, faults: list[str], found: Found) -> None:
    """Hear all that is answered to calls whose vendor misbehaves in every way."""
    for name in faults:
        rig.admin("faults", {"fault": name, "model": f"m-{name}", **({"arg": SMALL[name]} if name in SMALL else {})})
    calls = [(f"m-{name}", streamed) for name in faults for streamed in (True, False)]
    with ThreadPoolExecutor(8) as pool:
        for call, told in zip(calls, pool.map(lambda call: _asked(rig, canaries, *call), calls), strict=True):
            _heard(found, canaries, f"the answer to {call[0]}", told)
    rig.misbehave(AT_HEAD, times=2)
    for streamed in (True, False):
        _heard(found, canaries, f"the answer to {AT_HEAD}", _asked(rig, canaries, "m-plain", streamed))
    found.faults = len({entry["fault"] for entry in rig.admin("log")["served"] if entry["fault"]})
    rig.behave()
    for name in faults:  # no model is to be given up for good
        _heard(found, canaries, f"the answer behind {name}", _asked(rig, canaries, f"m-{name}", True))


def _asked(rig: Rig, canaries: Canaries, model: str, streamed: bool) -> bytes:
    said = [{"role": "user", "content": f"Say {canaries.prompt}"}]
    body = json.dumps({"model": model, "messages": said, "stream": streamed, "max_tokens": 8}).encode()
    return _raw(rig, "POST", "/v1/chat/completions", {"Authorization": f"Bearer {canaries.client}"}, body)


def _raw(rig: Rig, method: str, path: str, fields: dict[str, str], body: bytes = b"") -> bytes:
    """Head and body of an answer, as far as they come."""
    lines = {"Host": "gw", "Connection": "close", "Content-Type": "application/json", **fields}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    got = b""
    try:
        with rig.connect() as client:
            client.settimeout(20)
            client.sendall(f"{method} {path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            while piece := client.recv(65536):
                got += piece
    except OSError:
        pass
    return got


def hostile(canaries: Canaries) -> Iterator[tuple[str, str, str, dict[str, str], bytes]]:
    """Requests with secrets where they do not belong, each by a name."""
    client, vendor = canaries.client, canaries.vendor[0]
    for path in (f"/v1/models?api_key={client}", f"/v1/models?key={vendor}", f"/{client}", f"/v1/{vendor}"):
        yield "a secret in the address", "GET", path, {}, b""
    for key in (client[:-1] + "!", client + "x", vendor, f" {client}", canaries.token):
        yield "a wrong key", "GET", "/v1/models", {"Authorization": f"Bearer {key}"}, b""
    yield "a key of another kind", "GET", "/v1/models", {"Authorization": f"Basic {client}"}, b""
    named = {"Authorization": f"Bearer {client}", "X-Request-Id": client}
    yield "a key as the request's name", "GET", "/v1/models", named, b""
    yield "a wrong token", "GET", "/metrics", {"Authorization": f"Bearer {canaries.token[:-1]}"}, b""
    yield "a key as a method", client[6:30], "/", {}, b""
    asked: tuple[dict[str, object], ...] = (
        {"model": vendor, "messages": [{"role": "user", "content": "Hi"}]},
        {"model": "m-plain", "messages": vendor},
        {"model": "m-plain", "messages": [{"role": client, "content": "Hi"}]},
        {"model": "m-plain", "messages": [{"role": "user", "content": "Hi"}], "stream": client, "user": vendor},
        {"model": "m-plain", "messages": [{"role": "user", "content": "Hi"}], vendor: client},
    )
    for each in asked:
        told, fields = json.dumps(each).encode(), {"Authorization": f"Bearer {client}"}
        yield f"a secret in {list(each)[-1][:8]}", "POST", "/v1/chat/completions", fields, told
        yield "a secret in half of a body", "POST", "/v1/chat/completions", fields, told[:-1]


def _heard(found: Found, canaries: Canaries, name: str, answer: bytes) -> None:
    """Search an answer, which may be none."""
    if answer.startswith(b"HTTP/1."):
        found.answers[int(answer[9:12])] += 1
    found.searched["answers"] += len(answer)
    found.wrong += canaries.hits(name, answer, prompts=False)


def _search(found: Found, canaries: Canaries, place: str, told: bytes, prompts: bool = True) -> None:
    assert told, f"nothing to search in {place}"
    found.searched[place] += len(told)
    found.wrong += canaries.hits(place, told, prompts)


def _search_all(rig: Rig, canaries: Canaries, found: Found) -> None:
    """All that can be asked for, all that is on the disk, all that others can see of the process."""
    line = http.client.HTTPConnection(rig.url.removeprefix("http://"), timeout=10)
    for path in ("/metrics", "/health", "/v1/models", "/v1/key"):
        secret = canaries.token if path == "/metrics" else canaries.client
        line.request("GET", path, headers={"Authorization": f"Bearer {secret}"})
        answer = line.getresponse()
        assert answer.status in (200, 503), (path, answer.status)
        _search(found, canaries, path, str(answer.headers).encode() + answer.read())
    line.close()
    for words in VERBS:
        done = rig.verb(*words)
        _search(found, canaries, f"targon-gw {' '.join(words)}", (done.stdout + done.stderr).encode())
    process = Path(f"/proc/{rig.gateway.pid}")
    for name in ("cmdline", "environ"):
        _search(found, canaries, f"/proc/PID/{name}", (process / name).read_bytes())
    for file in (rig.folder / "state", *(rig.folder / "state").rglob("*")):
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            found.wrong.append(f"{file.name} has mode {mode:o}")
        if file.is_file() and file.stat().st_size:
            _search(found, canaries, f"state/{file.relative_to(rig.folder / 'state')}", file.read_bytes())


@pytest.mark.live
def test_canaries(tmp_path: Path) -> None:
    """Through every fault of the catalogue no secret is seen where it does not belong (D-43, F-14, F-25)."""
    found = prove(tmp_path, 1, 1)

    assert found.faults >= len(_names()) - 3 and {200, 400, 502, 504}.issubset(found.answers), (
        found.faults,
        found.answers,
    )


class SearchTests:
    """What is looked for is found."""

    def test_a_piece_of_a_key(self) -> None:
        """Sixteen characters out of the middle of a key are seen, eleven are not enough."""
        canaries = Canaries(random.Random(1))
        key = canaries.vendor[-1]

        assert canaries.hits("x", key[9:25].encode()) == ["a vendor's key in x"]
        assert canaries.hits("x", b"k-1f2e3d4c " + key[:11].encode()) == []
        assert canaries.hits("x", canaries.prompt.encode(), prompts=False) == []


def _work(options: argparse.Namespace, folder: Path) -> Measured:
    found = prove(folder, options.rounds, options.seed)
    rows = (
        ("faults of the vendor, whole and streamed", found.faults),
        ("answers by status", dict(sorted(found.answers.items()))),
        ("places searched, and bytes in all", f"{len(found.searched)}, {found.searched.total():,}"),
    )
    return Measured(f"0 hits in {found.searched.total() / 2**20:.1f} MiB of {len(found.searched)} places", rows)


def main() -> int:
    """Print the figures."""
    return verdict.concluded("canaries", __doc__, {"rounds": 3}, _work)


if __name__ == "__main__":
    raise SystemExit(main())
