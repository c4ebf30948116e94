"""The page of administrators: keys by the hundred, users and clients, settings, log."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.live.rig import Rig, Wishes, started

from .browser import Browse, Visit
from .waiting import copied, heard, until

OPERATOR = "operator.one"
PASSWORD = "correct horse battery"
NEW = [f"sn4_spare_key_for_the_page_{at:012}" for at in range(8)]
SIGN_IN = """async ([path, name, password]) => {
    const me = await (await fetch("/api/me")).json();
    const headers = {"content-type": "application/json", "x-csrf-token": me.csrf};
    return (await fetch(path, {method: "POST", headers, body: JSON.stringify({name, password})})).status;
}"""
DROP = """([name, text]) => {
    const files = new DataTransfer();
    files.items.add(new File([text], name, {type: "text/plain"}));
    const place = document.querySelector(".drop");
    for (const type of ["dragover", "drop"]) {
        place.dispatchEvent(new DragEvent(type, {bubbles: true, cancelable: true, dataTransfer: files}));
    }
}"""


@pytest.fixture(scope="module")
def bureau(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A gateway with an admin socket of its own, before a vendor that knows more keys than its settings name."""
    wishes = Wishes(
        accounts={"alice": ["sn4_bureau_key_of_alice_000000000001", "sn4_bureau_key_of_alice_000000000002"]},
        spare={f"spare{at}": [key] for at, key in enumerate(NEW)},
        gateway={"registration": "open", "watch": False, "admin": {"socket": "admin.sock"}},
    )
    with started(tmp_path_factory.mktemp("bureau"), wishes) as found:
        told = found.verb("clients", "add", OPERATOR, "--admin", "--generate")
        assert told.returncode == 0, told.stderr
        (found.folder / "operator.password").write_text(told.stdout.splitlines()[1])
        yield found


def admins(browse: Browse, bureau: Rig, part: str = "keys", **more: object) -> Visit:
    """The page of an administrator, at one of its parts."""
    visit = browse("/login", url=bureau.url, **more)
    password = (bureau.folder / "operator.password").read_text()
    assert visit.page.evaluate(SIGN_IN, ["/api/login", OPERATOR, password]) == 200
    visit.go(f"/admin#{part}")
    visit.page.wait_for_selector("#office:not([hidden])")
    visit.page.wait_for_selector(f"#part-{part} :is(table, .import-box, .notice, details)")
    return visit


class DoorTests:
    """Who gets in."""

    def test_nobody(self, browse: Browse, bureau: Rig) -> None:
        """Whoever is not signed in is asked to, and nothing of administration is asked for."""
        visit = browse("/admin", url=bureau.url, lang="en")
        visit.page.wait_for_selector(".shut[data-kind=out]")
        assert "Sign in" in visit.page.inner_text(".shut[data-kind=out]")
        assert visit.page.is_hidden("#office")

    def test_no_admin(self, browse: Browse, bureau: Rig) -> None:
        """A user that is no administrator is told so, plainly."""
        visit = browse("/login", url=bureau.url, lang="en")
        assert visit.page.evaluate(SIGN_IN, ["/api/register", "just.somebody", PASSWORD]) == 201
        visit.go("/admin")
        visit.page.wait_for_selector(".shut[data-kind=other]")
        assert "not an administrator" in visit.page.inner_text(".shut[data-kind=other]")
        assert visit.violations() == []


class ImportTests:
    """Keys by the hundred."""

    def test_whole(self, browse: Browse, bureau: Rig) -> None:
        """Pasted, seen, tested, applied, in the list at once; taken back, after a question: they are most keys."""
        visit = admins(browse, bureau, lang="en")
        page = visit.page
        text = [*NEW[:6], NEW[0], "oops", "sn4_a_key_that_nobody_knows_00001", "alice: " + NEW[6]]
        page.fill("#import-text", "\n".join(text))
        page.wait_for_selector(".tiles")
        assert [tile.split("\n")[0] for tile in page.locator(".tiles .tile").all_inner_texts()] == ["10", "8", "1", "1"]
        assert "not keys: lines 8" in page.inner_text(".tiles-more")
        assert not [key for key in NEW if key in page.inner_text(".rows")]
        assert visit.violations("#import") == []

        page.click(".actions-row .primary")
        page.wait_for_selector(".choices")
        assert "8 of 8 tested" in page.inner_text(".follow")
        assert "key not accepted" in page.locator(".rows tbody tr").first.inner_text()
        assert bureau.url and len(page.locator("#keys-table tbody tr").all()) == 2, "nothing is in use yet"
        page.click(".actions-row .primary")
        page.wait_for_selector(".again")
        page.wait_for_function("() => document.querySelectorAll('#keys-table tbody tr').length === 9")
        assert "alice" in page.inner_text("#keys-table")
        assert (bureau.folder / "keys.d").exists()

        visit.expects("409")
        page.click("#imports .button")
        page.click("dialog[open] .danger")
        page.wait_for_selector("dialog[open] h2:has-text('most usable keys')")
        page.click("dialog[open] .danger")
        page.wait_for_function("() => document.querySelectorAll('#keys-table tbody tr').length === 2")
        assert list((bureau.folder / "keys.d").iterdir()) == []

    def test_dropped(self, browse: Browse, bureau: Rig) -> None:
        """A file that is dropped is read as if it were pasted; rows are filtered by a click on their number."""
        visit = admins(browse, bureau)
        page = visit.page
        page.wait_for_selector(".drop")
        page.evaluate(DROP, ["keys.env", f"TARGON_KEY_1={NEW[0]}\nDEBUG=1\n"])
        page.wait_for_selector(".tiles")
        assert "TARGON_KEY_1" in page.inner_text(".rows")
        page.locator(".tiles .tile").nth(3).click()
        until(page, lambda: page.locator(".rows tbody tr").count() == 1)
        assert page.locator(".tiles .tile").nth(3).get_attribute("aria-pressed") == "true"

    def test_by_keyboard(self, browse: Browse, bureau: Rig) -> None:
        """From the box to a test under way, and stopped, without a mouse."""
        visit = admins(browse, bureau, lang="en")
        page = visit.page
        bureau.misbehave("slow-first-token:4")
        page.focus("#import-text")
        page.keyboard.insert_text("\n".join(NEW))
        page.wait_for_selector(".actions-row .primary:not([disabled])")
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.matches('.actions-row .primary')"):
                break
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.activeElement.matches('.stop-tests')")
        page.keyboard.press("Enter")
        bureau.behave()
        page.wait_for_selector(".choices")


class KeysTests:
    """The list of keys."""

    def test_read_anew(self, browse: Browse, bureau: Rig) -> None:
        """It is read anew when the stream of events is there again: what happened in between was not told."""
        page = admins(browse, bureau).settled()
        with page.expect_request("**/api/admin/keys"):
            page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
            page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow'))")


class PeopleTests:
    """Users, invites, clients."""

    def test_user(self, browse: Browse, bureau: Rig) -> None:
        """A user is made, its key and password shown once; it is disabled and enabled again, and deleted."""
        visit = admins(browse, bureau, "people", lang="en", permissions=["clipboard-read", "clipboard-write"])
        page = visit.page
        page.click("#user-new")
        assert visit.violations("dialog[open]") == []
        page.fill("dialog[open] [name=name]", "No Good")
        page.click("dialog[open] [type=submit]")
        page.wait_for_selector("dialog[open] [name=name][aria-invalid]")
        page.fill("dialog[open] [name=name]", "zoe.new")
        page.click("dialog[open] [type=submit]")
        page.wait_for_selector("dialog[open] .secret")
        copied(page, page.locator("dialog[open] .copy").nth(1))
        key = page.evaluate("navigator.clipboard.readText()")
        assert key.startswith("sk-tg-") and len(key) > 30
        page.click("dialog[open] .primary")
        page.wait_for_selector(".secret", state="detached")
        assert key not in page.content()

        row = page.locator("#users-table tr", has_text="zoe.new")
        self.choose(visit, "Disable")
        page.click("dialog[open] .danger")
        row.locator("text=disabled").wait_for()
        self.choose(visit, "Enable")
        row.locator(".badge.ok").wait_for()
        self.choose(visit, "Delete user")
        page.click("dialog[open] .danger")
        row.wait_for(state="detached")

    def choose(self, visit: Visit, word: str) -> None:
        """Choose from the menu of the user."""
        row = visit.page.locator("#users-table tr", has_text="zoe.new")
        row.locator(".opener").click()
        row.get_by_role("button", name=word, exact=True).click()

    @pytest.mark.parametrize(
        ("kind", "fields"), [("user", {"name": "yan.new"}), ("client", {"name": "yan"}), ("invite", {"note": "yan"})]
    )
    def test_shown_whatever_becomes_of_the_list(
        self, browse: Browse, bureau: Rig, kind: str, fields: dict[str, str]
    ) -> None:
        """What is shown once is shown, though the list cannot be read after it was made."""
        visit = admins(browse, bureau, "people", lang="en")
        visit.expects("Failed to load resource")
        page = visit.page
        page.route(
            f"**/api/admin/{kind}s*", lambda route: route.abort() if route.request.method == "GET" else route.fallback()
        )
        page.click(f"#{kind}-new")
        for name, text in fields.items():
            page.fill(f"dialog[open] [name={name}]", text)
        page.click("dialog[open] [type=submit]")
        page.wait_for_selector("dialog[open] .secret")

    def test_invite(self, browse: Browse, bureau: Rig) -> None:
        """A code is shown once, and is gone when it is revoked."""
        visit = admins(browse, bureau, "people", lang="en")
        page = visit.page
        page.click("#invite-new")
        page.fill("dialog[open] [name=note]", "for the <b>lab</b>")
        page.click("dialog[open] [type=submit]")
        page.wait_for_selector("dialog[open] .secret")
        page.keyboard.press("Escape")
        row = page.locator("#invites-table tbody tr", has_text="for the <b>lab</b>")
        row.wait_for()
        row.locator("button").click()
        page.click("dialog[open] .danger")
        row.wait_for(state="detached")

    def test_client(self, browse: Browse, bureau: Rig) -> None:
        """A client with limits is issued, rotated, revoked; one of the operator's own file is left to them."""
        visit = admins(browse, bureau, "people", lang="en")
        page = visit.page
        page.click("#client-new")
        page.fill("dialog[open] [name=name]", "nightly")
        page.fill("dialog[open] [name=requests_per_minute]", "30")
        page.fill("dialog[open] [name=amount]", "5000")
        page.click("dialog[open] [type=submit]")
        page.wait_for_selector("dialog[open] .secret")
        page.click("dialog[open] .primary")
        row = page.locator("#clients-table tr", has_text="nightly")
        row.wait_for()
        assert "30 req/min" in row.inner_text() and "5,000" in row.inner_text()
        row.locator(".opener").click()
        row.get_by_role("button", name="Revoke key").click()
        page.click("dialog[open] .danger")
        row.wait_for(state="detached")

        visit.expects("409")
        row = page.locator("#clients-table tr", has_text="tester")
        row.locator(".opener").click()
        row.get_by_role("button", name="Revoke key").click()
        page.click("dialog[open] .danger")
        page.wait_for_selector("dialog[open] [role=alert]:not([hidden])")
        assert "clients.yaml" in page.inner_text("dialog[open]")


class SettingsTests:
    """What is in force, and what a reload would change."""

    def test_changes(self, browse: Browse, bureau: Rig) -> None:
        """What the files would change is told before it is done; a problem with its place; a reload does it."""
        visit = admins(browse, bureau, "settings", lang="en")
        page = visit.page
        page.wait_for_selector("#changes .notice.ok")
        gateway = json.loads((bureau.folder / "gateway.yaml").read_text())
        bureau.save("gateway.yaml", {**gateway, "drain": "soon"})
        page.click("#changes button >> nth=0")
        page.wait_for_selector("#changes .problems")
        assert "gateway.yaml:" in page.inner_text("#changes .problems") and "'soon'" in page.inner_text("#changes")
        assert page.is_disabled("#changes button >> nth=1")

        bureau.save("gateway.yaml", {**gateway, "drain": "45s"})
        page.click("#changes button >> nth=0")
        page.wait_for_selector("#changes .diff")
        assert "30 → 45" in page.inner_text("#changes .diff")
        page.fill("#force-text", "drain")
        assert "drain: 30s" in page.inner_text("#force-place mark")
        page.click("#changes button >> nth=1")
        page.wait_for_function("() => document.querySelector('#force-place mark')?.textContent.includes('45s')")
        visit.settled()
        assert visit.violations("#part-settings") == []


class LogTests:
    """What was done."""

    def test_acts(self, browse: Browse, bureau: Rig) -> None:
        """It is told who did what, newest first, and found by words."""
        visit = admins(browse, bureau, lang="en")
        page = visit.page
        row = page.locator("#keys-table tbody tr").first
        row.get_by_role("button", name="Test").click()
        heard(page, "")
        page.click(".tabs a[href='#log']")
        page.wait_for_selector("#log-table tbody tr")
        newest = page.locator("#log-table tbody tr").first.locator("th, td")
        until(page, lambda: newest.all_inner_texts()[1:3] == ["operator.one", "tested"])
        page.fill("#log-text", "command line added")
        until(page, lambda: "user operator.one" in page.inner_text("#log-table tbody tr"))
        until(page, "location.hash === '#log'")


@pytest.mark.parametrize(("lang", "theme", "width"), [("zh", "light", 1280), ("en", "dark", 1280), ("zh", "dark", 360)])
def test_nothing_is_wrong(browse: Browse, bureau: Rig, lang: str, theme: str, width: int) -> None:
    """Nothing is against any part, nothing is wider than the window, no word is missing."""
    visit = admins(browse, bureau, lang=lang, theme=theme, width=width)
    for part in ("keys", "people", "settings", "log"):
        visit.page.click(f".tabs a[href='#{part}']")
        visit.page.wait_for_selector(f"#part-{part} :is(table, .import-box, .notice, details)")
        visit.settled()

        assert visit.violations() == [], part
        assert visit.page.evaluate("document.querySelector('main').scrollWidth <= innerWidth"), part
        shown = visit.page.inner_text("main")
        assert "{" not in shown.replace("{}", "") and "undefined" not in shown and "[object" not in shown
