"""`GET /v1/models`: what is told of the catalog, and to whom."""

from __future__ import annotations

import json
import time

from targon_gw.core.config import ModelSettings, Price
from tests import fakes

from .house import House, codes


class ModelsTests:
    """`GET /v1/models`."""

    def models(self) -> House:
        """A house with a priced model and an alias."""
        priced = ModelSettings(fakes.MODEL, context=4096, price=Price(0.5, 2.0), features=("tools",))
        return House(fakes.config(fakes.upstream(2), models=[priced, ModelSettings("nick", alias=fakes.MODEL)]))

    def test_list(self) -> None:
        """Each name is listed with OpenAI's and OpenRouter's fields, prices a token, and how many keys can serve it."""
        answer = self.models().get("/v1/models")
        document = json.loads(answer.body)
        entry, nick = document["data"]

        assert document["object"] == "list"
        assert entry["id"] == "acme/large" and nick["id"] == "nick"
        assert (entry["object"], entry["owned_by"], entry["name"]) == ("model", "acme", "large")
        assert (entry["context_length"], entry["supported_features"]) == (4096, ["tools"])
        assert entry["pricing"] == {"prompt": "0.0000005", "completion": "0.000002"}
        assert entry["status"] == "available"
        assert answer.headers[b"cache-control"] == b"no-store"
        assert answer.headers[b"access-control-allow-origin"] == b"*"

    def test_created_is_stable(self) -> None:
        """Two gateways, and one at two times, say the same of when a model was made."""
        house, other = self.models(), self.models()
        first = json.loads(house.get("/v1/models").body)["data"][0]["created"]
        house.talk.pass_seconds(30)
        other.talk.clock.advance(50)

        assert type(first) is int
        assert json.loads(house.get("/v1/models").body)["data"][0]["created"] == first
        assert json.loads(other.get("/v1/models").body)["data"][0]["created"] == first

    def test_one(self) -> None:
        """One model is had by its name, its slash written as one or as %2F; unknown ones are a 404 with a hint."""
        house = self.models()

        assert json.loads(house.get("/v1/models/acme/large").body)["id"] == "acme/large"
        assert json.loads(house.get("/v1/models/acme%2Flarge").body)["id"] == "acme/large"
        assert json.loads(house.get("/v1/models/nick").body)["id"] == "nick"
        unknown = house.get("/v1/models/acme/larg")
        assert (unknown.status, codes([unknown])) == (404, ["model_not_found"])
        assert "did you mean 'acme/large'" in json.loads(unknown.body)["error"]["message"]
        assert house.get("/v1/models/acme/large", lines="").status == 401

    def test_unavailable(self) -> None:
        """A model whose keys are all out says so."""
        disabled = [fakes.key(0, enabled=False)]
        house = House(fakes.config(fakes.upstream(disabled)))

        assert json.loads(house.get("/v1/models").body)["data"][0]["status"] == "unavailable"

    def test_long_list(self) -> None:
        """A thousand models over a hundred keys are listed in less than a second of the processor's."""
        models = [ModelSettings(f"m/{number}") for number in range(1000)]
        house = House(fakes.config(fakes.upstream(100), models=models))
        began = time.thread_time()
        answer = house.get("/v1/models")

        assert len(json.loads(answer.body)["data"]) == 1000
        assert time.thread_time() - began < 1.0
