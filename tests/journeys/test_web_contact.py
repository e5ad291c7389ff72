"""The contact form before a real appliance: files, programs that fill in forms, and people who press twice."""

from __future__ import annotations

import html
import re
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect
from test_web_attachments import PNG, SETTINGS, on_disk, start
from web_fixtures import ServerProcess, form_token, no_sideways_scroll, shot, watch

from appliance.attachment import display_name
from appliance.ticket import SUSPECTED

OWN = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
STRICT = SETTINGS.replace("form_min_s = 0", "form_min_s = 2.0")
LIMITED = """
[models]
stand_in = true
[attachments]
upload_timeout_s = 1.0
[openings]
per_client = 3
per_client_per_hour = 36
form_per_client = 2
form_per_client_per_hour = 36
form_min_s = 0
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contact") / "data"


def served(data: Path, settings: str) -> Iterator[ServerProcess]:
    started = start(data, settings)
    yield started
    assert started.stop() == 0
    assert "Traceback" not in started.output


@pytest.fixture(scope="module")
def appliance(data: Path) -> Iterator[ServerProcess]:
    yield from served(data, SETTINGS)


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    yield from served(tmp_path_factory.mktemp("strict") / "data", STRICT)


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[ServerProcess]:
    yield from served(tmp_path / "data", LIMITED)


@pytest.fixture
def client(appliance: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=appliance.url, timeout=30.0, trust_env=False, headers=OWN) as made:
        yield made


@pytest.fixture
def person(strict: ServerProcess) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=strict.url, timeout=30.0, trust_env=False, headers=OWN) as made:
        yield made


Files = list[tuple[str, tuple[str, bytes, str]]]


def send(
    client: httpx.Client, message: str, *files: tuple[str, bytes], form: str | None = None, **more: str
) -> httpx.Response:
    fields = {"form": form_token(client) if form is None else form, "message": message, **more}
    chosen: Files = [("files", (name, content, "application/octet-stream")) for name, content in files]
    return client.post("/contact", data=fields, files=chosen or [("files", ("", b"", "application/octet-stream"))])


def shown_token(answer: httpx.Response) -> str:
    [token] = re.findall(r'name="form" value="([^"]+)"', answer.text)
    return str(token)


def ticket(client: httpx.Client, answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return client.get(answer.headers["location"]).text


def test_a_form_with_files_becomes_a_ticket_that_shows_and_gives_them(client: httpx.Client) -> None:
    answer = send(client, "The picture shows it.", ("screen ü.png", PNG), ("log.txt", b"line"), name="Ana")
    page = ticket(client, answer)
    links = re.findall(
        r'<a href="(/contact/[^"]+/attachments/[0-9a-f]{32})" download><bdi class="file-name">([^<]+)', page
    )
    assert [name for _, name in links] == ["screen ü.png", "log.txt"]
    back = client.get(links[0][0])
    assert back.content == PNG
    assert back.headers["content-type"] == "application/octet-stream"
    assert back.headers["content-disposition"].startswith("attachment; ")
    client.cookies.clear()
    assert client.get(links[0][0]).status_code == 404


def test_a_form_without_files_is_sent_as_browsers_send_an_empty_choice(client: httpx.Client, data: Path) -> None:
    before = on_disk(data)
    assert 'class="files"' not in ticket(client, send(client, "No picture."))
    assert on_disk(data) == before


def test_a_reply_takes_files_too_and_pressing_twice_sends_them_once(client: httpx.Client, data: Path) -> None:
    answer = send(client, "A first message.")
    where = answer.headers["location"]
    fields = {"message": "Here is the file.", "key": "0123456789abcdef"}
    before = on_disk(data)
    for _ in range(2):
        again = client.post(f"{where}/messages", data=fields, files=[("files", ("a.png", PNG, "image/png"))])
        assert again.status_code == 303
    assert client.get(where).text.count("a.png") == 1
    assert len(on_disk(data) - before) == 1
    other = client.post(f"{where}/messages", data=fields, files=[("files", ("b.png", PNG + b"x", "image/png"))])
    assert other.status_code == 409
    assert "Please choose your file again" in other.text
    assert len(on_disk(data) - before) == 1


def test_a_stranger_cannot_add_files_to_a_ticket(client: httpx.Client, data: Path) -> None:
    where = send(client, "Mine.").headers["location"]
    client.cookies.clear()
    before = on_disk(data)
    for cookies in ({}, {"Cookie": "ticket=wrong"}):
        answer = client.post(
            f"{where}/messages", data={"message": "x"}, files=[("files", ("a", PNG, "image/png"))], headers=cookies
        )
        assert answer.status_code == 404
    assert on_disk(data) == before


@pytest.mark.parametrize(
    ("files", "status", "why"),
    [
        ([("big.bin", bytes(2_000_001))], 413, "2 MB"),
        ([(f"{n}.txt", b"x") for n in range(4)], 400, "at most 3 files"),
        (
            [("a.bin", bytes(1_900_000)), ("b.bin", bytes(1_900_000)), ("c.bin", bytes(1_900_000))],
            413,
            "5 MB",
        ),
    ],
)
def test_files_beyond_a_cap_show_the_form_again_with_all_that_was_typed(
    client: httpx.Client, data: Path, files: list[tuple[str, bytes]], status: int, why: str
) -> None:
    before = on_disk(data)
    answer = send(client, "Keep <this>", *files, subject="And this", email="ana@example.com")
    assert answer.status_code == status
    assert why in answer.text
    for kept in ("Keep &lt;this&gt;", "And this", "ana@example.com", "Please choose your file", files[0][0]):
        assert kept in answer.text
    assert on_disk(data) == before
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "name",
    [
        "../../etc/passwd",
        "a\x00b.txt",
        "invoice\u202efdp.exe",
        "x" * 3_500 + ".pdf",
        "CON",
        "dots...",
        "<img src=x onerror=alert(1)>.png",
    ],
)
def test_hostile_file_names_are_shown_as_words(client: httpx.Client, data: Path, name: str) -> None:
    boundary = b"----b"
    head = f'form-data; name="files"; filename="{name}"'.encode()
    body = b"".join(
        b"--" + boundary + b"\r\nContent-Disposition: " + one + b"\r\n\r\n" + value + b"\r\n"
        for one, value in (
            (b'form-data; name="form"', form_token(client).encode()),
            (b'form-data; name="message"', b"See the file."),
            (head, b"content"),
        )
    )
    headers = {"Content-Type": "multipart/form-data; boundary=----b"}
    page = ticket(client, client.post("/contact", content=body + b"--" + boundary + b"--\r\n", headers=headers))
    [shown] = re.findall(r'class="file-name">([^<]+)<', page)
    assert html.unescape(shown) == display_name(name)
    assert "<img" not in page
    assert all(re.fullmatch(r"[0-9a-f]{32}", entry) for entry in on_disk(data))


def part(head: bytes, value: bytes = b"1") -> bytes:
    return b"--x\r\n" + head + b"\r\n\r\n" + value + b"\r\n"


FIELD = b'Content-Disposition: form-data; name="a"'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"".join(part(b'Content-Disposition: form-data; name="a%d"' % n) for n in range(2_000)) + b"--x--\r\n", 413),
        (part(FIELD, b"y" * 300_000) + b"--x--\r\n", 413),
        (part(FIELD) * 3, 400),
        (part(b"Content-Type: text/plain") + b"--x--\r\n", 400),
        (part(b"X: " + b"y" * 10_000) + b"--x--\r\n", 413),
        (part(FIELD + b"".join(b"\r\nX-%d: y" % n for n in range(100))) + b"--x--\r\n", 413),
        (part(FIELD, b"\xff\xfe") + b"--x--\r\n", 400),
        (part(b'Content-Disposition: form-data; name="f"; filename="' + b"\xff\xfe" + b'"') + b"--x--\r\n", 400),
        (b"no part at all", 400),
        (b"", 400),
    ],
)
def test_a_form_that_no_browser_sends_is_refused_and_leaves_nothing(
    client: httpx.Client, data: Path, body: bytes, status: int
) -> None:
    before = on_disk(data)
    answer = client.post("/contact", content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status_code == status
    assert on_disk(data) == before


@pytest.mark.parametrize("boundary", ["", "; boundary=", "; boundary=" + "x" * 5_000, '; boundary="a\nb"'])
def test_a_boundary_that_is_none_is_refused(client: httpx.Client, boundary: str) -> None:
    headers = {"Content-Type": f"multipart/form-data{boundary}".replace("\n", "%0a")}
    assert client.post("/contact", content=b"--x--", headers=headers).status_code == 400


def test_a_form_pressed_twice_is_one_ticket(client: httpx.Client, data: Path) -> None:
    token = form_token(client)
    before = on_disk(data)
    first, second = (send(client, "Pressed twice.", ("a.png", PNG), form=token) for _ in range(2))
    assert first.headers["location"] == second.headers["location"]
    assert first.cookies["ticket"] == second.cookies["ticket"]
    assert len(on_disk(data) - before) == 1
    assert ticket(client, second).count("Pressed twice.") == 1


def test_a_form_sent_again_with_other_words_is_shown_again_and_then_another_ticket(client: httpx.Client) -> None:
    token = form_token(client)
    first = send(client, "One thing.", form=token)
    for changed in ({"message": "Another thing."}, {"message": "One thing.", "email": "ana@example.com"}):
        again = send(client, form=token, **changed)
        assert again.status_code == 409
        assert "Press Send again" in again.text
    new = send(client, "Another thing.", form=shown_token(again))
    assert new.status_code == 303
    assert new.headers["location"] != first.headers["location"]


@pytest.mark.parametrize("form", ["", "1.2.3", "forged"])
def test_a_form_that_was_not_shown_comes_back_filled_in_and_then_goes_through(client: httpx.Client, form: str) -> None:
    answer = send(client, "Keep this.", form=form)
    assert answer.status_code == 400
    assert "Keep this." in answer.text
    assert "once more" in answer.text
    assert send(client, "Keep this.", form=shown_token(answer)).status_code == 303


def test_what_comes_faster_than_people_write_is_shown_again_and_the_second_press_goes_through(
    person: httpx.Client,
) -> None:
    answer = send(person, "Filled in by a machine?", ("a.png", PNG), name="Ana")
    assert answer.status_code == 400
    for kept in (
        "Filled in by a machine?",
        "Ana",
        "faster than people write",
        "Please choose your file again",
        "a.png",
    ):
        assert kept in answer.text
    time.sleep(2.1)  # what a person needs to read that and press again
    assert send(person, "Filled in by a machine?", ("a.png", PNG), form=shown_token(answer)).status_code == 303


@pytest.mark.parametrize(
    ("message", "more"),
    [
        ("https://pills.example", {}),
        ("Hello, please help me.", {"name": "Win at https://evil.example"}),
    ],
)
def test_what_looks_like_spam_goes_to_people_and_nothing_is_mailed(
    client: httpx.Client, data: Path, message: str, more: dict[str, str]
) -> None:
    answer = send(client, message, email="victim@example.com", **more)
    page = ticket(client, answer)
    assert "With a person" in page
    assert "spam" not in page
    with sqlite3.connect(data / "appliance.db") as look:
        name = answer.headers["location"].rpartition("/")[2]
        assert look.execute("SELECT rule FROM handoffs WHERE conversation_id = ?", (name,)).fetchall() == [(SUSPECTED,)]
        assert look.execute("SELECT count(*) FROM outbox WHERE conversation_id = ?", (name,)).fetchone() == (0,)
    look.close()


def test_a_client_that_comes_too_often_gets_its_form_back_with_the_time_to_wait(limited: ServerProcess) -> None:
    with httpx.Client(base_url=limited.url, timeout=30.0, trust_env=False, headers=OWN) as client:
        assert [send(client, f"Message {n}.").status_code for n in range(2)] == [303, 303]
        refused = send(client, "Keep this.", ("a.png", PNG))
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 100
        assert "Keep this." in refused.text
        assert on_disk(Path(limited._log.parent / "data")) == set()
        lies = {"X-Forwarded-For": "198.51.100.7", "Forwarded": "for=198.51.100.7", "X-Real-IP": "198.51.100.7"}
        answer = client.post("/contact", data={"message": "x"}, headers=lies)  # CVE-2025-59152
        assert answer.status_code == 429


def test_anonymous_conversations_have_a_limit_too(limited: ServerProcess) -> None:
    with httpx.Client(base_url=limited.url, timeout=30.0, trust_env=False) as client:
        answers = [
            client.post("/api/conversations", json={"channel": "chat"}, headers={"X-Forwarded-For": f"198.51.100.{n}"})
            for n in range(4)
        ]
        assert [one.status_code for one in answers] == [201, 201, 201, 429]
        problem = answers[3].json()
        assert problem["code"] == "too_many_requests"
        assert answers[3].headers["retry-after"] == str(problem["retry_after"])


def test_a_slow_upload_is_dropped_and_leaves_nothing(limited: ServerProcess) -> None:
    data = limited._log.parent / "data"
    with httpx.Client(base_url=limited.url, timeout=30.0, trust_env=False) as client:
        opened = client.post("/api/conversations", json={"channel": "chat"}).json()

        def drip() -> Iterator[bytes]:
            for _ in range(200):
                yield b"x" * 10
                time.sleep(0.05)

        headers = {"Authorization": f"Bearer {opened['token']}", "Content-Disposition": "attachment; filename=a"}
        try:
            answer = client.post(f"/api/conversations/{opened['id']}/attachments", content=drip(), headers=headers)
        except httpx.TransportError:  # the connection may be closed while the client is still sending
            pass
        else:
            assert answer.status_code == 408
        assert on_disk(data) == set()
        view = client.get(f"/api/conversations/{opened['id']}", headers=headers)
        assert view.json()["messages"] == []


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_a_person_sends_files_and_saves_them_again_without_javascript(
    browser: Browser, appliance: ServerProcess, tmp_path: Path, width: int
) -> None:
    name = "Bildschirmfoto_der_Fehlermeldung_" * 5 + "zweiter_Versuch.png"
    picture, heavy = tmp_path / name, tmp_path / "film.mp4"
    picture.write_bytes(PNG)
    heavy.write_bytes(bytes(2_000_001))
    context = browser.new_context(
        base_url=appliance.url, java_script_enabled=False, viewport={"width": width, "height": 800}
    )
    page = context.new_page()
    page.set_default_timeout(60_000)
    seen = watch(page)
    page.goto("/contact")
    page.get_by_label("Your message").fill("The picture shows it.")
    page.locator("#files").set_input_files([picture, heavy])
    page.get_by_role("button", name="Send message").click()
    expect(page.get_by_role("alert")).to_contain_text("at most 2 MB")
    expect(page.get_by_text("Please choose your files again")).to_be_visible()
    expect(page.get_by_label("Your message")).to_have_value("The picture shows it.")
    shot(page, f"contact-files-{width}")
    page.locator("#files").set_input_files([picture])
    page.get_by_role("button", name="Send message").click()
    expect(page.get_by_role("list", name="Attached file")).to_be_visible()
    shot(page, f"ticket-files-{width}")
    with page.expect_download() as saved:
        page.get_by_role("link", name=name).click()
    assert saved.value.suggested_filename == name
    assert Path(saved.value.path()).read_bytes() == PNG
    page.get_by_label("Add to your ticket").or_(page.get_by_label("Reply")).fill("One more.")
    page.locator("#files").set_input_files([picture])
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("list", name="Attached file")).to_have_count(2)
    context.close()
    assert seen.outside(appliance.url) == []
    assert seen.violations() == []


@pytest.mark.browser
def test_pages_with_long_file_names_fit_a_small_screen(browser: Browser, appliance: ServerProcess) -> None:
    context = browser.new_context(base_url=appliance.url, viewport={"width": 360, "height": 640})
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.goto("/contact")
    page.get_by_label("Your message").fill("See the file.")
    page.locator("#files").set_input_files(
        [
            {"name": "w" * 190 + ".png", "mimeType": "image/png", "buffer": PNG},
            {"name": "b", "mimeType": "", "buffer": bytes(2_000_001)},
        ]
    )
    page.get_by_role("button", name="Send message").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert no_sideways_scroll(page)
    page.locator("#files").set_input_files([{"name": "w" * 190 + ".png", "mimeType": "image/png", "buffer": PNG}])
    page.get_by_role("button", name="Send message").click()
    expect(page.get_by_role("list", name="Attached file")).to_be_visible()
    assert no_sideways_scroll(page)
    context.close()
