"""The clients that must work as they are: curl, httpx as people write it, the OpenAI SDKs of Python and Node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import openai
import pytest

from tests.live.rig import CLIENT_KEY, R1, V3, Rig
from tests.needs import lacking, need

NODE = Path(__file__).parent / "node"
HEADERS = {"Authorization": f"Bearer {CLIENT_KEY}", "Content-Type": "application/json"}


def sdk(rig: Rig) -> openai.OpenAI:
    """The Python SDK, unchanged."""
    return openai.OpenAI(base_url=rig.base_url, api_key=CLIENT_KEY, max_retries=0, timeout=20)


class HttpxTests:
    """Programs that take a chunk for an event, and print `message.content`."""

    def test_unary(self, rig: Rig) -> None:
        """A program that posts a chat and prints the message gets one, in the model's own name."""
        body = {"model": R1, "messages": [{"role": "user", "content": "你好"}], "max_tokens": 1000, "stream": False}

        answer = httpx.post(f"{rig.base_url}/chat/completions", headers=HEADERS, json=body, timeout=30).json()

        assert answer["choices"][0]["message"]["content"]
        assert answer["model"] == R1

    def test_a_chunk_is_an_event(self, rig: Rig) -> None:
        """A program that reads `iter_text` and cuts off `data: ` once a chunk sees every event, and no usage chunk."""
        body = {"model": V3, "messages": [{"role": "user", "content": "Hello"}], "stream": True, "max_tokens": 50}
        pieces = []
        with httpx.stream("POST", f"{rig.base_url}/chat/completions", headers=HEADERS, json=body) as response:
            for chunk in response.iter_text():
                if chunk.strip() and chunk.startswith("data: "):
                    data = chunk[6:]
                    if data.strip() != "[DONE]":
                        pieces.append(json.loads(data)["choices"][0]["delta"].get("content") or "")

        assert len("".join(pieces)) > 20

    def test_completions(self, rig: Rig) -> None:
        """The legacy form answers with `choices[].text`."""
        body = {"model": R1, "prompt": "The trend of AI is", "max_tokens": 200, "temperature": 0.7, "top_p": 0.9}

        answer = httpx.post(f"{rig.base_url}/completions", headers=HEADERS, json=body, timeout=30).json()

        assert answer["choices"][0]["text"]

    def test_models_with_slashes(self, rig: Rig) -> None:
        """The list has id, created and owned_by; one model is found by its name, the slash as it is or as %2F."""
        listed = httpx.get(f"{rig.base_url}/models", headers=HEADERS).json()
        one = httpx.get(f"{rig.base_url}/models/{R1}", headers=HEADERS).json()
        escaped = httpx.get(f"{rig.base_url}/models/{R1.replace('/', '%2F')}", headers=HEADERS).json()

        assert {"id", "object", "created", "owned_by"} <= set(listed["data"][0])
        assert [m["id"] for m in listed["data"]] == [R1, V3, "deepshield-chat"]
        assert one == escaped
        assert one["id"] == R1


class CurlTests:
    """curl, as the guides of both products write it."""

    def test_unary_without_content_negotiation(self, rig: Rig) -> None:
        """A chat by curl's -d answers with a whole completion."""
        answer = json.loads(self.curl(rig, '{"model":"deepshield-chat","messages":[{"role":"user","content":"Hi"}]}'))

        assert answer["model"] == "deepshield-chat"
        assert answer["usage"]["total_tokens"] > 0

    def test_streamed(self, rig: Rig) -> None:
        """`--no-buffer` shows events and, at the end, [DONE], which Targon does not send."""
        said = self.curl(rig, '{"model":"deepshield-chat","messages":[{"role":"user","content":"Hi"}],"stream":true}')

        assert said.startswith('data: {"id"')
        assert said.endswith("data: [DONE]\n\n")

    @staticmethod
    def curl(rig: Rig, body: str) -> str:
        """What curl prints."""
        headers = [part for name, value in HEADERS.items() for part in ("-H", f"{name}: {value}")]
        command = [need("curl"), "-sS", "--no-buffer", "-X", "POST", f"{rig.base_url}/chat/completions", *headers]
        done = subprocess.run([*command, "-d", body], capture_output=True, text=True, timeout=30, check=True)
        return done.stdout


class PythonSdkTests:
    """openai-python."""

    def test_unary_and_streamed(self, rig: Rig) -> None:
        """Both ways give text; the stream's chunks all have a choice, since nobody asked for usage."""
        client = sdk(rig)
        messages = [{"role": "user", "content": "Hello!"}]

        whole = client.chat.completions.create(model="deepshield-chat", messages=messages)  # type: ignore[call-overload]
        chunks = list(client.chat.completions.create(model="deepshield-chat", messages=messages, stream=True))  # type: ignore[call-overload]

        assert whole.choices[0].message.content
        assert all(chunk.choices for chunk in chunks)
        assert {chunk.model for chunk in chunks} == {"deepshield-chat"}
        assert chunks[-1].choices[0].finish_reason == "stop"

    def test_usage_where_it_is_asked_for(self, rig: Rig) -> None:
        """`include_usage` brings the closing chunk of usage."""
        chunks = list(
            sdk(rig).chat.completions.create(
                model=V3,
                messages=[{"role": "user", "content": "Hello!"}],
                stream=True,
                stream_options={"include_usage": True},
            )
        )

        assert chunks[-1].choices == []
        assert chunks[-1].usage is not None and chunks[-1].usage.completion_tokens > 0

    def test_models(self, rig: Rig) -> None:
        """Listing and retrieving work, slashes and all."""
        client = sdk(rig)

        assert [model.id for model in client.models.list()] == [R1, V3, "deepshield-chat"]
        assert client.models.retrieve(R1).owned_by == "deepseek-ai"

    def test_errors_are_the_sdks_own(self, rig: Rig) -> None:
        """A wrong key, an unknown model and a bad parameter raise the SDK's exceptions, with code and param."""
        stranger = openai.OpenAI(base_url=rig.base_url, api_key="sk-tg-nobody", max_retries=0)
        messages = [{"role": "user", "content": "Hello!"}]

        with pytest.raises(openai.AuthenticationError) as denied:
            stranger.chat.completions.create(model=V3, messages=messages)  # type: ignore[call-overload]
        with pytest.raises(openai.NotFoundError) as unknown:
            sdk(rig).chat.completions.create(model="deepseek-ai/DeepSeek-V4", messages=messages)  # type: ignore[call-overload]
        with pytest.raises(openai.BadRequestError) as bad:
            sdk(rig).chat.completions.create(model=V3, messages=messages, temperature=3)  # type: ignore[call-overload]

        assert denied.value.code == "invalid_api_key"
        assert unknown.value.code == "model_not_found" and "did you mean" in str(unknown.value)
        assert bad.value.param == "temperature"

    def test_an_address_without_v1_names_the_right_one(self, rig: Rig) -> None:
        """A base_url without /v1 fails with an error that says so."""
        client = openai.OpenAI(base_url=rig.url, api_key=CLIENT_KEY, max_retries=0)

        with pytest.raises(openai.NotFoundError, match="/v1/chat/completions"):
            client.chat.completions.create(model=V3, messages=[{"role": "user", "content": "Hello!"}])


class NodeSdkTests:
    """openai-node."""

    def test_unary_and_streamed(self, rig: Rig) -> None:
        """Both ways give text."""
        node = need("node")
        if not (NODE / "node_modules" / "openai").exists():
            lacking("the Node SDK is not installed; `make test` does it")
        program = NODE / "chat.mjs"
        done = subprocess.run(
            [node, str(program), rig.base_url, CLIENT_KEY, "deepshield-chat"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        assert told["whole"]
        assert told["streamed"]
        assert told["finish"] == "stop"
        assert told["models"] == [R1, V3, "deepshield-chat"]
        assert told["denied"] == 401
