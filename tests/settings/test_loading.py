"""Tests of targon_gw/settings/loading.py: whole folders of settings, good and bad."""

from __future__ import annotations

import datetime
import hashlib
import weakref
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from targon_gw.core.config import Config, Dialect, Draw, Per, Prefill, QuotaPlan, Registration, Replay, Unit
from targon_gw.settings import loading
from targon_gw.settings.loading import load
from targon_gw.settings.marks import Document
from targon_gw.settings.problems import SettingsError
from targon_gw.settings.reading import read_document

from .folder import loaded, written

SAMPLE = {
    "gateway.yaml": """
listen: tcp:3811:interface=127.0.0.1
state: /var/lib/targon-gw
keys: keys.yaml
clients: clients.yaml
models: models.yaml
watch: true
flush: 5s
drain: 30s
head_after: 20s
contact: admin@example.org
registration: closed
anonymous: {enabled: false, models: [], limits: {requests_per_minute: 5}, quota: {tokens: 20000, per: day}}
default_limits: {requests_per_minute: 60, concurrent: 16}
default_quota: {tokens: 200000, per: day}
public_stats: [keys, requests, availability]
trusted_proxies: []
limits: {body: 32MiB, answer: 32MiB, connections_per_address: 256, waiting: 1000, waiting_time: 10s}
retries: {attempts: 3, deadline: 10m, budget: 20%}
upstreams:
  targon:
    base_url: https://api.targon.com/v1
    dialect: targon
    draw: least_busy
    timeouts: {connect: 5s, first_token: 60s, idle: 60s, total: 15m}
    per_key: {concurrent: 32}
    probe: {every: 60s, model: deepseek-ai/DeepSeek-V3}
    rescue: {replay: deterministic, prefill: none}
    allow_private: false
metrics: {token_file: null}
admin: {socket: /run/targon-gw/admin.sock, token_file: null}
""",
    "keys.yaml": """
targon:
  - sn4_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
  - account: alice
    weight: 2
    keys:
      - sn4_bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
      - {secret_file: k3, note: spare}
      - {secret_env: TARGON_KEY_4, enabled: false}
""",
    "k3": "sn4_cccccccccccccccccccccccccccccccc\n",
    "clients.yaml": """
clients:
  - name: ann
    key: sk-tg-0123456789
    models: ["deepseek-ai/*", deepshield-chat]
    limits: {requests_per_minute: 60, tokens_per_minute: 200000, concurrent: 8}
    quota: {tokens: 1000000, per: day}
    allow_from: [10.0.0.0/8]
    expires: 2027-01-01
    priority: 1
""",
    "models.yaml": """
models:
  - id: deepseek-ai/DeepSeek-R1
    kind: reasoning
    features: [reasoning, tools, structured]
    context: 163840
    price: {prompt: 0.45, completion: 2.15}
    summary: {zh: 最新推理模型, en: latest reasoning model}
    routes: [targon]
    upstream_id: deepseek-ai/DeepSeek-R1
    fallback: deepseek-ai/DeepSeek-V3
  - id: deepseek-ai/DeepSeek-V3
  - id: deepshield-chat
    alias: deepseek-ai/DeepSeek-V3
""",
}
WORDS = [
    *("upstreams", "targon", "models", "clients", "id", "key", "limits", "no", "30s", "5", "x"),
    *(": ", "- ", "\n", "\n  ", "{", "}", "[", "]", ", ", "'", "null", "&a ", "*a", "!!set "),
]
ENVIRON = {"TARGON_KEY_4": "sn4_dddddddddddddddddddddddddddddddd"}


class SampleTests:
    """The files of the manual."""

    def test_gateway(self, tmp_path: Path) -> None:
        """Every setting of gateway.yaml is taken, in seconds, bytes and shares; as written they are the defaults."""
        config = loaded(tmp_path, SAMPLE, ENVIRON).config

        assert config.listen == ("tcp:3811:interface=127.0.0.1",)
        assert (config.flush, config.drain, config.head_after) == (5.0, 30.0, 20.0)
        assert (config.limits.body, config.retries.budget, config.retries.deadline) == (32 << 20, 0.2, 600.0)
        assert (config.contact, config.registration) == ("admin@example.org", Registration.CLOSED)
        defaults = Config()
        for name in ("watch", "anonymous", "default_limits", "default_quota", "public_stats", "limits", "admin"):
            assert getattr(config, name) == getattr(defaults, name)

    def test_upstream(self, tmp_path: Path) -> None:
        """An upstream has all that the file says of it."""
        (upstream,) = loaded(tmp_path, SAMPLE, ENVIRON).config.upstreams

        assert (upstream.name, upstream.base_url) == ("targon", "https://api.targon.com/v1")
        assert (upstream.dialect, upstream.draw) == (Dialect.TARGON, Draw.LEAST_BUSY)
        assert (upstream.timeouts.connect, upstream.timeouts.total) == (5.0, 900.0)
        assert (upstream.probe.every, upstream.probe.model) == (60.0, "deepseek-ai/DeepSeek-V3")
        assert (upstream.rescue.replay, upstream.rescue.prefill) == (Replay.DETERMINISTIC, Prefill.NONE)

    def test_keys(self, tmp_path: Path) -> None:
        """A key alone is its own account; others have their account's name and weight, and their secret from afar."""
        (upstream,) = loaded(tmp_path, SAMPLE, ENVIRON).config.upstreams
        alone, second, third, fourth = upstream.keys

        assert (alone.account, alone.weight) == (alone.secret.fingerprint, 1)
        assert {key.account for key in (second, third, fourth)} == {"alice"}
        assert (second.weight, third.note, fourth.enabled) == (2, "spare", False)
        assert third.secret.reveal == "sn4_" + "c" * 32
        assert fourth.secret.reveal == "sn4_" + "d" * 32

    def test_clients_and_models(self, tmp_path: Path) -> None:
        """A client's key is kept as a digest, its date as the midnight that begins it; an alias is a model's."""
        config = loaded(tmp_path, SAMPLE, ENVIRON).config
        (ann,) = config.clients

        assert ann.digest == hashlib.sha256(b"sk-tg-0123456789").hexdigest()
        assert ann.models == ("deepseek-ai/*", "deepshield-chat")
        assert ann.quota == QuotaPlan(Unit.TOKENS, 1_000_000, Per.DAY)
        assert ann.expires == datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)
        assert [str(network) for network in ann.allow_from] == ["10.0.0.0/8"]
        assert [model.alias for model in config.models] == [None, None, "deepseek-ai/DeepSeek-V3"]
        assert config.models[0].summary["zh"] == "最新推理模型"

    def test_shipped_files(self) -> None:
        """The commented set in conf/ is in order: nine models in three groups, one alias, no key and no client."""
        config = load(str(Path(__file__).parents[2] / "conf" / "gateway.yaml"), {}).config
        models = [model for model in config.models if model.alias is None]

        assert [model.kind.value for model in models] == ["reasoning"] * 4 + ["chat"] * 3 + ["coding"] * 2
        assert [(model.id, model.alias) for model in config.models if model.alias] == [
            ("deepshield-chat", "deepseek-ai/DeepSeek-V3")
        ]
        assert all(63_000 <= (model.context or 0) <= 262_144 for model in models)
        prices = [each for model in models if model.price for each in (model.price.prompt, model.price.completion)]
        assert (len(prices), min(prices), max(prices)) == (18, 0.12, 2.49)
        assert [upstream.keys for upstream in config.upstreams] == [()]


class FilesTests:
    """Where the files are, and what is read."""

    def test_paths_are_relative_to_the_file(self, tmp_path: Path) -> None:
        """Paths lead from the folder of gateway.yaml, wherever the process runs."""
        gateway = "state: ../var\nkeys: secrets/k.yaml\nadmin: {socket: a.sock}\n"
        found = loaded(tmp_path / "conf", {"gateway.yaml": gateway, "secrets/k.yaml": ""})

        assert found.config.state == str(tmp_path / "var")
        assert found.config.admin.socket == str(tmp_path / "conf" / "a.sock")
        assert str(tmp_path / "conf" / "secrets" / "k.yaml") in found.files

    def test_one_at_a_time(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A file is let go of before the next of its kind is read: one of 10,000 clients takes 60 MB."""
        read: list[weakref.ref[Document]] = []
        alive: list[int] = []

        def watched(path: str, turn: int, sensitive: bool) -> Document:
            alive.append(sum(each() is not None for each in read))
            document = read_document(path, turn, sensitive)
            read.append(weakref.ref(document))
            return document

        monkeypatch.setattr(loading, "read_document", watched)
        more = {f"clients.d/{at}.yaml": f"clients: [{{name: c{at}, key: some-key-{at}}}]" for at in range(4)}
        assert len(loaded(tmp_path, more).config.clients) == 4
        assert alive == [0, *[1] * (len(alive) - 1)] and len(alive) == 8

    def test_folders_beside(self, tmp_path: Path) -> None:
        """Files of keys.d and clients.d are read after the file beside them, in order of name."""
        files = {
            "keys.yaml": "targon: [aaaa1]\n",
            "keys.d/b.yaml": "targon: [bbbb1]\n",
            "keys.d/a.yaml": "targon: [cccc1]\n",
            "keys.d/.hidden.yaml": "nonsense: [dddd1]\n",
            "keys.d/notes.txt": ": : :",
            "clients.d/x.yaml": "clients: [{name: x, key: some-key}]\n",
        }
        found = loaded(tmp_path, files)

        assert [key.secret.reveal for key in found.config.upstreams[0].keys] == ["aaaa1", "cccc1", "bbbb1"]
        assert [client.name for client in found.config.clients] == ["x"]
        assert [Path(path).name for path in found.files] == [
            *("gateway.yaml", "keys.yaml", "a.yaml", "b.yaml", "clients.yaml", "x.yaml", "models.yaml")
        ]

    @pytest.mark.parametrize("text", ["", "# nothing\n", "{}\n", "clients:\n", "clients: []\n"])
    def test_empty(self, tmp_path: Path, text: str) -> None:
        """A file of clients may be empty, or have no entries."""
        assert loaded(tmp_path, {"clients.yaml": text}).config.clients == ()

    def test_missing_is_not_empty(self, tmp_path: Path) -> None:
        """A file that is gone is a problem, not an empty file (faults catalogue, E-11)."""
        path = written(tmp_path, {})
        (tmp_path / "keys.yaml").unlink()

        with pytest.raises(SettingsError, match=r"keys\.yaml: cannot be read: No such file"):
            load(path)


class AnyTextTests:
    """Whatever stands in the files."""

    @given(
        st.sampled_from(("gateway.yaml", "keys.yaml", "clients.yaml", "models.yaml")),
        st.one_of(
            st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=80),
            st.lists(st.sampled_from(WORDS), max_size=30).map("".join),
        ),
    )
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
    def test_nothing_but_settings_error(self, tmp_path: Path, name: str, text: str) -> None:
        """Any text in any of the files is taken, or is a `SettingsError` that can be printed."""
        try:
            loaded(tmp_path, {name: text})
        except SettingsError as error:
            assert error.problems
            assert all(problem.path.endswith(".yaml") for problem in error.problems)
            assert str(error)


class WhichFilesTests:
    """Which files there are, and which are lacking."""

    def test_files_by_other_names(self, tmp_path: Path) -> None:
        """Where gateway.yaml names the files otherwise, it is known which has the keys and which the clients."""
        gateway = "upstreams: {targon: {base_url: https://api.targon.com/v1}}\nkeys: v.yaml\nclients: of/p.yaml\n"
        found = loaded(tmp_path, {"gateway.yaml": gateway, "v.yaml": "", "of/p.yaml": ""})

        assert (found.keys, found.clients) == (str(tmp_path / "v.yaml"), str(tmp_path / "of" / "p.yaml"))

    def test_what_is_lacking(self, tmp_path: Path) -> None:
        """Of settings that can't be used it is told which files may mend them, whether they are there or not."""
        gateway = "upstreams: {targon: {base_url: https://api.targon.com/v1}}\nmetrics: {token_file: token}\n"
        with pytest.raises(SettingsError) as error:
            loaded(tmp_path, {"gateway.yaml": gateway, "keys.yaml": "targon: [{secret_file: k3}]\n"})
        names = [path.removeprefix(f"{tmp_path}/") for path in error.value.files]

        assert names == ["gateway.yaml", "keys.yaml", "clients.yaml", "models.yaml", "k3", "token"]
