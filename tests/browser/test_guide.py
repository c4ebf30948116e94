"""The guide as its readers use it: code for their own key and model, run where it stands, read, linked and printed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.live.rig import CLIENT_KEY, R1, V3, Rig, Wishes, started

from .browser import Browse, Visit
from .waiting import copied, until

if TYPE_CHECKING:
    from playwright.sync_api import Route


def run_button(visit: Visit, id: str) -> str:
    """The selector of a snippet's button."""
    return f"[data-snippet={id}] figcaption button:last-of-type"


def run(visit: Visit, id: str) -> None:
    """Run a snippet, and wait until it is over."""
    visit.page.click(run_button(visit, id))
    visit.page.wait_for_selector(f"[data-snippet={id}] .run-state", state="visible")
    visit.page.wait_for_function(
        """(id) => {
            const box = document.querySelector(`[data-snippet=${id}] .run`);
            return box && box.querySelector('.run-head button[hidden]');
        }""",
        arg=id,
    )


def code(visit: Visit, id: str) -> str:
    """What a snippet shows."""
    return visit.page.text_content(f"[data-snippet={id}] code") or ""


def guide(browse: Browse, path: str = "/guide", **more: str) -> Visit:
    """The guide, once a model is chosen."""
    visit = browse(path, **more)
    visit.page.wait_for_function("() => document.getElementById('bar-model').value !== ''")
    return visit


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway where nobody may register, or call without a key."""
    with started(tmp_path_factory.mktemp("locked"), Wishes(gateway={"contact": "admin@example.org"})) as found:
        yield found


class BarTests:
    """Key, model and language."""

    def test_everything_rewrites_all_code(self, browse: Browse) -> None:
        """Another language, another model and a key are in every snippet that has them."""
        visit = guide(browse, lang="en")
        assert "import httpx" in code(visit, "chat") and "YOUR_API_KEY" in code(visit, "models")

        visit.page.check("[name=language][value=node]")
        visit.page.select_option("#bar-model", V3)
        visit.page.fill("#bar-key", f"Bearer {CLIENT_KEY} ")

        for id in ("chat", "stream", "completion", "retry"):
            assert 'from "openai"' in code(visit, id) and V3 in code(visit, id)
        assert visit.page.text_content("#install-line") == "npm install openai"
        assert "YOUR_API_KEY" not in code(visit, "own")

    def test_key_is_hidden_until_it_is_asked_for(self, browse: Browse) -> None:
        """On the screen a key has no middle; copies are whole, shown or not."""
        visit = guide(browse)
        visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        visit.page.fill("#bar-key", CLIENT_KEY)
        assert CLIENT_KEY not in visit.page.inner_text("main") and "sk-tg-…key" in code(visit, "chat")

        copied(visit.page, "[data-snippet=chat] figcaption button:first-of-type")
        assert CLIENT_KEY in visit.page.evaluate("navigator.clipboard.readText()")

        visit.page.click("#bar-show")
        assert CLIENT_KEY in code(visit, "chat")
        visit.page.click("#bar-show")
        assert CLIENT_KEY not in visit.page.inner_text("main")

    def test_language_is_remembered(self, browse: Browse) -> None:
        """Who comes again finds the language of the last time."""
        visit = guide(browse)
        visit.page.check("[name=language][value=curl]")
        visit.page.reload()
        visit.page.wait_for_function(
            "() => document.querySelector('[data-snippet=chat] code').textContent.startsWith('curl')"
        )
        assert visit.page.is_checked("[value=curl]")

    def test_own_key(self, browse: Browse) -> None:
        """Who has registered finds the key in the code, and runs it with that."""
        visit = browse("/guide")
        told = visit.page.evaluate(
            """async () => {
                const me = await (await fetch("/api/me")).json();
                const headers = {"content-type": "application/json", "x-csrf-token": me.csrf};
                const body = JSON.stringify({name: "reader", password: "correct horse battery staple"});
                return (await fetch("/api/register", {method: "POST", headers, body})).json();
            }"""
        )
        visit.page.reload()
        visit.page.wait_for_function("() => document.getElementById('bar-key').value !== ''")

        assert visit.page.input_value("#bar-key") == told["secret"]
        run(visit, "own")
        assert '"label": "reader"' in visit.page.inner_text("[data-snippet=own] .run-text")


class RunTests:
    """What is run in the page."""

    @pytest.mark.parametrize("id", ["chat", "stream", "completion", "models", "retry", "own"])
    def test_without_a_key(self, browse: Browse, id: str) -> None:
        """Where callers without a key are let in, each snippet answers, with status, time and the request's id."""
        visit = guide(browse, lang="en")
        run(visit, id)

        state = visit.page.inner_text(f"[data-snippet={id}] .run-state")
        assert "Done" in state and "HTTP 200" in state and "req_" in state
        assert ("tokens" in state) is (id not in ("models", "own"))
        assert len(visit.page.inner_text(f"[data-snippet={id}] .run-text")) > 10

    def test_stop(self, browse: Browse, shop: Rig) -> None:
        """A stream that is stopped stays as far as it came; another run begins anew."""
        shop.misbehave("stall:40")
        visit = guide(browse, lang="en")
        visit.page.click(run_button(visit, "stream"))
        visit.page.wait_for_function(
            "() => document.querySelector('.run-thoughts, .run-text')?.textContent.length > 10"
        )
        visit.page.click("[data-snippet=stream] .run-head button:first-of-type")
        visit.page.wait_for_function("() => document.querySelector('.run-state').textContent.includes('Stopped')")
        shop.behave()
        run(visit, "stream")
        assert "Done" in visit.page.inner_text(".run-state")

    def test_cut(self, browse: Browse, shop: Rig) -> None:
        """An answer that broke off is shown as such, with what to do."""
        shop.misbehave("fin-midway:12")
        visit = guide(browse, lang="en")
        visit.expects("ERR_INCOMPLETE_CHUNKED_ENCODING")
        run(visit, "stream")
        assert "Cut off" in visit.page.inner_text(".run-state")

    def test_wrong_key(self, browse: Browse) -> None:
        """A refusal says what is wrong, and leads to its line in the table, which leads back to the last one."""
        visit = guide(browse, lang="en")
        visit.expects("401")
        visit.page.fill("#bar-key", "sk-tg-nobody-has-this-key")
        run(visit, "chat")

        assert "HTTP 401" in visit.page.inner_text(".run-state")
        visit.page.click(".run-more a[href='#error-invalid_api_key']")
        until(visit.page, "document.querySelector(':target')?.id === 'error-invalid_api_key'")

        last = visit.page.locator("#error-invalid_api_key .own-last")
        assert "req_" in last.inner_text() and visit.violations("#error-table") == []
        run(visit, "stream")
        assert last.count() == 1
        last.click()
        until(visit.page, "document.querySelector(':target')?.dataset.snippet === 'stream'")

    def test_nobody_without_a_key(self, browse: Browse, locked: Rig) -> None:
        """Where a key is needed the box says how to get one, and nothing is sent."""
        visit = guide(browse, lang="en", url=locked.url)
        asked: list[str] = []
        visit.page.on("request", lambda request: asked.append(request.url))
        run(visit, "chat")

        assert "This needs a key." in visit.page.inner_text(".run-more")
        assert not [one for one in asked if "/v1/" in one]
        visit.page.fill("#bar-key", CLIENT_KEY)
        run(visit, "chat")
        assert "Done" in visit.page.inner_text(".run-state")


class ReadingTests:
    """The page as a page."""

    def test_models_are_live(self, browse: Browse) -> None:
        """The table has every model by its kind, with its state in a word; a click on one puts it into the code."""
        visit = guide(browse, lang="en")
        assert visit.page.inner_text("#catalog-reasoning") == "Reasoning"
        assert "Available" in visit.page.inner_text("#catalog-list")
        visit.page.click(f"#catalog-list button:has-text('{V3}')")
        assert V3 in code(visit, "chat") and visit.page.input_value("#bar-model") == V3

    def test_models_that_come_late(self, browse: Browse) -> None:
        """Where the models could not be read at first, they are chosen from as soon as they can."""
        visit = browse("/login", lang="en")
        visit.expects("Failed to load resource")
        page = visit.page
        page.clock.install()
        page.route("**/api/models", lambda route: route.abort())
        visit.go("/guide")
        page.wait_for_selector("#catalog-list button")
        page.unroute("**/api/models")
        page.clock.fast_forward(21_000)
        page.wait_for_selector("#catalog-list table")
        page.wait_for_selector("#bar-model option[value*='V3']", state="attached")
        until(page, lambda: page.input_value("#bar-model"))
        assert page.input_value("#bar-model") in code(visit, "chat")

    def test_model_chosen_before_the_key_has_come(self, browse: Browse) -> None:
        """Until it is known whose key there is no model looks chosen; what the reader chooses meanwhile stays."""
        visit = browse("/login")
        page = visit.page
        waiting: list[Route] = []
        page.route("**/api/me", lambda route: waiting.append(route))
        visit.go("/guide")
        page.wait_for_selector("#bar-model option[value*='R1']", state="attached")
        assert page.input_value("#bar-model") == ""
        page.select_option("#bar-model", R1)
        until(page, lambda: len(waiting) == 1)
        waiting[0].continue_()
        visit.settled()
        assert page.input_value("#bar-model") == R1 and R1 in code(visit, "chat")

    def test_address_that_says_nothing(self, browse: Browse) -> None:
        """A place whose name cannot be read is no place, and the guide is there all the same."""
        visit = browse("/guide#%E0%A4%A")
        visit.page.wait_for_selector("#bar-model option[value*='V3']", state="attached")

    @pytest.mark.parametrize("width", [1280, 360])
    @pytest.mark.parametrize("place", ["stream", "error-draining"])
    def test_deep_links(self, browse: Browse, place: str, width: int) -> None:
        """An address with a place in it opens there, below what stays at the top."""
        visit = guide(browse, f"/guide#{place}", width=width)  # type: ignore[arg-type]
        visit.settled()
        below = """(id) => {
            const bar = document.getElementById("bar");
            const stuck = getComputedStyle(bar).position === "sticky" ? bar : document.querySelector(".top");
            const top = document.getElementById(id).getBoundingClientRect().top;
            return stuck.getBoundingClientRect().bottom - 1 <= top && top < 800;
        }"""
        until(visit.page, lambda: visit.page.evaluate(below, place))

    def test_without_scripts(self, browse: Browse) -> None:
        """The text, the tables and curl's code are there; what only scripts can do is not shown."""
        visit = browse("/guide", java_script_enabled=False)
        text = visit.page.inner_text("main")
        assert f"curl -sS {visit.url}/v1/models" in text and "max_tokens" in text and "no_usable_key" in text
        assert not visit.page.is_visible("#bar") and not visit.page.is_visible("#base-copy")

    def test_print(self, browse: Browse) -> None:
        """On paper there are no bars and no buttons, and no code is cut."""
        visit = guide(browse)
        visit.page.set_viewport_size({"width": 700, "height": 900})
        visit.page.emulate_media(media="print")
        assert not visit.page.is_visible("#bar") and not visit.page.is_visible(".toc")
        assert not visit.page.is_visible("[data-snippet] button") and R1 in visit.page.inner_text("#catalog-list")
        cut = visit.page.evaluate(
            "[...document.querySelectorAll('.guide pre')].filter((one) => one.scrollWidth > one.clientWidth + 1).length"
        )
        assert cut == 0

    def test_a_box_is_fine_for_everybody(self, browse: Browse) -> None:
        """An answer below its snippet brings nothing that axe-core objects to, in the dark and narrow too."""
        visit = guide(browse, theme="dark", width=360)  # type: ignore[arg-type]
        run(visit, "chat")
        assert visit.violations(".guide") == [] and visit.overflow() <= 0

    def test_reasoning_is_apart(self, browse: Browse) -> None:
        """What a reasoning model thinks is shown beside what it says."""
        visit = guide(browse, lang="en")
        visit.page.select_option("#bar-model", R1)
        run(visit, "chat")
        assert "Thoughts" in visit.page.inner_text(".run-thoughts") and visit.page.inner_text(".run-text")

    def test_reading_on_in_another_language(self, browse: Browse) -> None:
        """Another language makes the code above longer or shorter, and what one reads stays where it is."""
        visit = guide(browse, "/guide#retry")
        visit.settled()
        where = "document.getElementById('retry').getBoundingClientRect().top"
        before = visit.page.evaluate(where)
        visit.page.check("[name=language][value=curl]")
        assert abs(visit.page.evaluate(where) - before) < 2
