"""The monitor as an administrator sees it: keys, accounts, clients, and each call with its attempts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from targon_gw.core.config import Secret
from tests.live.rig import CLIENT_KEY, V3, Rig, Wishes, started

from .browser import Browse, Visit, call
from .test_shell import SIGN_OUT
from .waiting import closed, copied, heard, until

if TYPE_CHECKING:
    from playwright.sync_api import Route

BODY = {"model": V3, "messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 8}
PASSWORD = "correct horse battery"
ACCOUNTS = {name: [f"sn4_office_key_of_{name}_{at:012}" for at in range(2)] for name in ("alice", "bob")}
SIGN_IN = """async ([path, name, password]) => {
    const me = await (await fetch("/api/me")).json();
    const headers = {"content-type": "application/json", "x-csrf-token": me.csrf};
    return (await fetch(path, {method: "POST", headers, body: JSON.stringify({name, password})})).status;
}"""


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway with an admin socket of its own, before a vendor of four keys."""
    wishes = Wishes(
        accounts=ACCOUNTS,
        gateway={"registration": "open", "admin": {"socket": "admin.sock"}, "trusted_proxies": ["127.0.0.1/32"]},
    )
    with started(tmp_path_factory.mktemp("office"), wishes) as found:
        yield found


@pytest.fixture(autouse=True)
def _office_is_well(office: Rig) -> Iterator[None]:
    """Each test finds a vendor that is well."""
    yield
    office.behave()


def admins(browse: Browse, office: Rig, name: str = "operator.one", **more: object) -> Visit:
    """The monitor of an administrator, once all of it is there."""
    visit = browse("/login", url=office.url, **more)
    visit.expects("401")
    if visit.page.evaluate(SIGN_IN, ["/api/login", name, PASSWORD]) != 200:
        assert visit.page.evaluate(SIGN_IN, ["/api/register", name, PASSWORD]) == 201
        told = office.verb("clients", "admin", name)
        assert told.returncode == 0, told.stderr
        assert visit.page.evaluate(SIGN_IN, ["/api/login", name, PASSWORD]) == 200
    visit.go("/monitor?span=15m")
    visit.page.wait_for_selector("#keys tbody tr")
    visit.page.wait_for_selector("#clients tbody tr")
    return visit


class CallsTests:
    """The calls as they happen."""

    def test_as_it_ends(self, browse: Browse, office: Rig) -> None:
        """A call that a 429 preceded is there without a reload, and opens as a waterfall that says why."""
        visit = admins(browse, office, lang="en")
        page = visit.page
        office.misbehave("throttled", times=1)
        call(office.url, CLIENT_KEY, BODY)
        row = page.locator("#calls tbody tr", has_text="tester").filter(has=page.locator("strong")).first
        row.wait_for()
        until(page, lambda: row.locator("td").nth(3).inner_text() == "2")
        row.locator("button").focus()
        page.keyboard.press("Enter")
        until(page, "document.querySelectorAll('#call-dialog[open] .fall-bars li').length === 2")
        visit.settled()
        failed, served = page.locator("#call-dialog .fall-bars li").all()
        assert "429" in failed.inner_text() and "too many requests" in failed.inner_text()
        assert "200" in served.inner_text() and served.locator("rect").count() >= 1
        assert visit.violations("#call-dialog") == []
        page.keyboard.press("Escape")
        until(page, "document.activeElement.closest('tr') !== null")  # the focus is back where it was

    def test_copy_id(self, browse: Browse, office: Rig) -> None:
        """The whole id is copied out of the dialog, and finds its call."""
        visit = admins(browse, office, lang="en", permissions=["clipboard-read", "clipboard-write"])
        page = visit.page
        call(office.url, CLIENT_KEY, BODY)
        page.locator("#calls tbody tr").first.click()
        copied(page, "#call-dialog .copy-id")
        id = page.evaluate("navigator.clipboard.readText()")
        assert id.startswith("req_") and len(id) == 36
        page.click("#call-dialog .dialog-close")

        page.fill("#calls-text", id)
        rows = page.locator("#calls tbody tr")
        until(page, lambda: rows.count() == 1)
        page.fill("#calls-text", "nothing has this")
        until(page, lambda: rows.count() == 0 and "No call matches" in page.inner_text("#calls"))

    def test_filters_and_pause(self, browse: Browse, office: Rig) -> None:
        """Classes and clients are chosen from; a log that is paused stands still and says how many came."""
        visit = admins(browse, office, lang="en")
        page = visit.page
        call(office.url, CLIENT_KEY, BODY)
        page.wait_for_selector("#calls-client option[value=tester]", state="attached")
        page.select_option("#calls-client", "tester")
        page.select_option("#calls-status", "2xx")
        rows = page.locator("#calls tbody tr")
        until(page, lambda: rows.count() >= 1)
        page.select_option("#calls-status", "5xx")
        until(page, lambda: rows.count() == 0)

        page.select_option("#calls-status", "")
        page.click("#calls-pause")
        call(office.url, CLIENT_KEY, BODY)
        page.wait_for_function("() => document.getElementById('calls-pause').textContent.includes(' new)')")
        before = rows.count()
        page.click("#calls-pause")
        until(page, lambda: rows.count() > before)


class KeysTests:
    """The vendors' keys."""

    def test_disable_and_enable(self, browse: Browse, office: Rig) -> None:
        """A key is disabled for five minutes, which are counted down; enabling it ends that. Its account shows it."""
        visit = admins(browse, office, lang="en")
        page = visit.page
        row = page.locator("#keys tbody tr", has_text="bob").first
        id = row.locator("th button").inner_text()
        row = page.locator("#keys tbody tr", has_text=id)
        row.get_by_role("button", name="Disable").click()
        assert visit.violations("#disable-dialog") == []
        assert id in page.inner_text("#disable-dialog h2")
        page.click("#disable-dialog [type=submit]")
        page.wait_for_selector("#disable-dialog", state="hidden")

        until(page, lambda: "Disabled" in row.inner_text())
        clock = row.locator("td[data-label=Until]")
        left = clock.inner_text()
        assert re.fullmatch(r"4:\d\d|5:00", left)
        until(page, lambda: clock.inner_text() != left)
        until(page, lambda: "1/2" in page.locator("#accounts tbody tr", has_text="bob").inner_text())
        row.get_by_role("button", name="Enable").click()
        page.wait_for_function("() => !document.getElementById('keys').innerText.includes('Disabled')")

    def test_cancel(self, browse: Browse, office: Rig) -> None:
        """What is cancelled changes nothing, and the focus is back at its button."""
        visit = admins(browse, office, lang="en")
        page = visit.page
        page.locator("#keys tbody tr").first.get_by_role("button", name="Disable").click()
        page.check("#disable-dialog [value='']")
        page.keyboard.press("Escape")
        page.wait_for_selector("#disable-dialog", state="hidden")
        until(page, "document.activeElement.ariaLabel?.startsWith('Disable key')")
        visit.settled()
        assert "Disabled" not in page.inner_text("#keys")

    def test_test(self, browse: Browse, office: Rig) -> None:
        """The vendor is asked at once, and what it says is told."""
        visit = admins(browse, office, lang="en")
        visit.page.locator("#keys tbody tr").first.get_by_role("button", name="Test").click()
        heard(visit.page, "served the test")

    def test_replace(self, browse: Browse, office: Rig) -> None:
        """A key that its vendor does not accept shows so at once when it is tested, and the way to another one."""
        visit = admins(browse, office, lang="en")
        page, secret = visit.page, ACCOUNTS["alice"][1]
        row = page.locator("#keys tbody tr", has_text=Secret(secret).fingerprint)
        other = page.locator("#keys tbody tr", has_text=Secret(ACCOUNTS["bob"][0]).fingerprint)
        other.get_by_role("button", name="Test").click()  # somebody else whom the vendor serves, to compare with
        heard(page, "served the test")
        office.misbehave("unauthorized", key=secret)
        for state in ("Cooling", "Barred"):  # suspect at first; another test confirms it
            row.get_by_role("button", name="Test").click()
            row.locator(".badge", has_text=state).wait_for()
        assert row.get_by_role("link", name="Replace").get_attribute("href") == "/admin#keys"
        until(page, lambda: "key not accepted" in row.inner_text())
        assert visit.violations("#keys") == []
        office.behave()
        row.get_by_role("button", name="Test").click()
        page.wait_for_function("() => !document.getElementById('keys').innerText.includes('Barred')")
        until(page, lambda: "key not accepted" not in row.inner_text())

    def test_why(self, browse: Browse, office: Rig) -> None:
        """A key says what it depends on, and how it changed last."""
        visit = admins(browse, office, lang="en")
        page = visit.page
        page.locator("#keys tbody th button").first.click()
        page.wait_for_selector("#why-dialog .depends li")
        told = page.inner_text("#why-dialog")
        assert "account" in told and "upstream vendor" in told and "Last changes" in told
        assert visit.violations("#why-dialog") == []

    def test_why_of_another(self, browse: Browse, office: Rig) -> None:
        """What comes late of one key is not shown as another's, which was asked for since."""
        visit = admins(browse, office, lang="en")
        page = visit.page
        waiting: list[Route] = []
        first, second = (Secret(ACCOUNTS[name][0]).fingerprint for name in ("alice", "bob"))
        page.route(f"**/api/admin/keys/{first}?*", lambda route: waiting.append(route))
        for id in (first, second):
            page.locator("#keys tbody th button", has_text=id).click()
            page.wait_for_selector("#why-dialog[open]")
            until(page, lambda: len(waiting) == 1)
            if id == first:
                closed(page)
        page.wait_for_selector("#why-dialog .depends li")
        waiting[0].continue_()
        visit.settled()
        told = page.inner_text("#why-dialog")
        assert second in told and "bob ·" in told and "alice ·" not in told

    def test_sort(self, browse: Browse, office: Rig) -> None:
        """A heading sorts, says which way, and turns round when it is pressed again."""
        visit = admins(browse, office, lang="en")
        page = visit.page
        head = page.locator("#keys thead th", has_text="Key").first
        head.locator("button").click()
        until(page, lambda: head.get_attribute("aria-sort") == "ascending")
        ids = page.locator("#keys tbody th button").all_inner_texts()
        head.locator("button").click()
        until(page, lambda: head.get_attribute("aria-sort") == "descending")
        assert page.locator("#keys tbody th button").all_inner_texts() == ids[::-1]


class ClientsTests:
    """Who calls, and with what quota."""

    def test_users_are_among_them(self, browse: Browse, office: Rig) -> None:
        """Clients of the settings and people who registered stand in one list, which is searched by name."""
        visit = admins(browse, office, lang="en")
        page = visit.page
        told = page.inner_text("#clients")
        assert "tester" in told and "operator.one" in told and "administrator" in told
        page.fill("#clients-text", "TEST")
        until(page, lambda: page.locator("#clients tbody tr").count() == 1)


@pytest.mark.parametrize(("lang", "theme", "width"), [("zh", "light", 1280), ("en", "dark", 360), ("zh", "dark", 360)])
def test_nothing_is_wrong(browse: Browse, office: Rig, lang: str, theme: str, width: int) -> None:
    """With all of it shown nothing is against the page, and nothing is wider than the window."""
    visit = admins(browse, office, lang=lang, theme=theme, width=width)
    call(office.url, CLIENT_KEY, BODY)
    visit.page.wait_for_selector("#calls tbody tr")

    assert visit.violations() == []
    assert visit.page.evaluate("document.querySelector('main').scrollWidth <= innerWidth")


def test_rights_end(browse: Browse, office: Rig) -> None:
    """Who is no administrator any more sees what everybody sees, without a reload."""
    visit = admins(browse, office, "operator.two")
    visit.expects("403", "Failed to load")
    told = office.verb("clients", "admin", "--off", "operator.two")
    assert told.returncode == 0, told.stderr

    visit.page.wait_for_selector("#admin", state="hidden", timeout=60_000)
    visit.page.wait_for_selector("#fresh.open", timeout=60_000)


def test_signed_out_elsewhere(browse: Browse, office: Rig) -> None:
    """Who signs out in another tab is nobody here as well: neither figures of administrators nor a name are left."""
    visit = admins(browse, office)
    visit.expects("401", "403", "Failed to load")
    visit.page.wait_for_selector("#who-name")
    other = browse("/guide", url=office.url, context=visit.page.context)
    other.page.evaluate(SIGN_OUT)

    visit.page.wait_for_selector("#admin", state="hidden", timeout=60_000)
    visit.page.wait_for_selector("#sign-in", timeout=60_000)
    visit.page.wait_for_selector("#who-name", state="hidden")
