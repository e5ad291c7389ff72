"""People whom we do not know: how fast they may come, which form they send, and what looks like spam."""

from __future__ import annotations

import pytest

from appliance.channels.strangers import Buckets, Strangers
from appliance.errors import TooFast
from appliance.opening_settings import Openings
from appliance.web.clients import UNKNOWN, client_key

KEY = b"a key"


class Seconds:
    """Time as the test sets it; it serves as the wall clock and as the one that never goes back."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def time() -> Seconds:
    return Seconds()


def strangers(time: Seconds, **settings: float) -> Strangers:
    return Strangers(Openings(**settings), KEY, now=time, clock=time)  # type: ignore[arg-type] # a test names the settings that it changes


def test_a_bucket_gives_so_many_at_once_and_then_at_its_rate(time: Seconds) -> None:
    bucket = Buckets(3, 60, time)
    for _ in range(3):
        assert bucket.wait("a") == 0
        bucket.take("a")
    assert bucket.wait("a") == pytest.approx(60)
    assert bucket.wait("b") == 0
    time.at += 59.5
    assert bucket.wait("a") == pytest.approx(0.5)
    time.at += 0.6
    assert bucket.wait("a") == 0
    time.at += 1e9
    for _ in range(3):
        bucket.take("a")
    assert bucket.wait("a") > 0


def test_no_limit_is_no_limit(time: Seconds) -> None:
    open_door = strangers(time, per_client=0, total=0)
    for _ in range(10_000):
        open_door.admit("a")


def test_many_addresses_share_the_total_and_a_refusal_costs_nothing(time: Seconds) -> None:
    door = strangers(time, per_client=2, per_client_per_hour=3600, total=3, total_per_hour=3600)
    door.admit("a")
    door.admit("a")
    for _ in range(5):
        with pytest.raises(TooFast) as refused:
            door.admit("a")
    assert refused.value.retry_after_s == 1
    door.admit("b")
    with pytest.raises(TooFast):
        door.admit("c")
    time.at += 1
    door.admit("c")


def test_a_form_and_the_api_have_limits_of_their_own(time: Seconds) -> None:
    door = strangers(time, per_client=1, form_per_client=1)
    door.admit("a")
    door.admit_form("a")
    for again in (door.admit, door.admit_form):
        with pytest.raises(TooFast):
            again("a")


def test_memory_stays_bounded_whatever_addresses_come(time: Seconds) -> None:
    bucket = Buckets(1, 1, time)
    for number in range(60_000):
        bucket.take(str(number))
    assert len(bucket._levels) == 50_000


def test_a_form_is_fresh_between_two_seconds_and_a_day(time: Seconds) -> None:
    door = strangers(time)
    token = door.form_token()
    assert door.form_pass(token).freshness == "too_fast"
    time.at += 2.1
    assert door.form_pass(token).freshness == "fresh"
    time.at += 24 * 3600
    assert door.form_pass(token).freshness == "too_old"


def test_a_form_names_the_same_ticket_each_time_and_no_other(time: Seconds) -> None:
    door = strangers(time)
    one, other = door.form_token(), door.form_token()
    time.at += 5
    first, again = door.form_pass(one), Strangers(Openings(), KEY, now=time).form_pass(one)
    assert first == again
    assert len({first.once, first.ticket_token, door.form_pass(other).once, door.form_pass(other).ticket_token}) == 4
    assert len(first.once) == 64
    assert first.ticket_token not in one


@pytest.mark.parametrize("damage", ["", "x", "1.2.3", "é" * 30, "9" * 5000, "0" * 13 + "." + "a" * 22 + "." + "b" * 43])
def test_a_token_that_we_have_not_signed_is_unknown(time: Seconds, damage: str) -> None:
    assert strangers(time).form_pass(damage).freshness == "unknown"


def test_no_part_of_a_token_can_be_changed(time: Seconds) -> None:
    door = strangers(time)
    token = door.form_token()
    time.at += 5
    shown, nonce, mac = token.split(".")
    for forged in (f"{int(shown) - 9000}.{nonce}.{mac}", f"{shown}.{'A' * 22}.{mac}", f"{shown}.{nonce}.{'A' * 43}"):
        assert door.form_pass(forged).freshness == "unknown"
    assert Strangers(Openings(), b"another key", now=time).form_pass(token).freshness == "unknown"


def test_a_clock_that_jumps_a_day_only_shows_the_form_again(time: Seconds) -> None:
    door = strangers(time)
    token = door.form_token()
    time.at -= 86_400
    assert door.form_pass(token).freshness == "too_fast"
    again = door.form_token()
    time.at += 3
    assert door.form_pass(again).freshness == "fresh"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("https://cheap.example/pills", "links_only"),
        ("Look: www.example.com", "links_only"),
        ("visit best-deals.xyz now", "links_only"),
        ("Buy https://a.example now, https://b.example too, and https://c.example, all very cheap today", "many_links"),
        ('Hello, see <a href="https://a.example">this offer</a> that nobody should miss out on today', "markup"),
        ("Hello dear, [url=https://a.example]click here[/url] for the offer of your life, today only", "markup"),
        ("How do I reset my password?", ""),
        ("The page https://app.example.com/settings shows an error when I press save, since yesterday.", ""),
        ("Please write to me at ana@example.com, my file is called report.pdf and the app is v2.io compatible", ""),
        (
            "Three pages are broken for all of us: https://app.example.com/a shows an empty list after the update on "
            "Monday, https://app.example.com/b never finishes loading for the colleagues in the Berlin office, and "
            "https://app.example.com/c says that I am not allowed although my role has been owner since last year.",
            "",
        ),
    ],
)
def test_what_is_mostly_links_looks_like_spam_and_a_question_with_a_link_does_not(
    time: Seconds, text: str, why: str
) -> None:
    assert strangers(time).suspicion(text) == why


def test_a_link_in_a_name_is_how_open_forms_mail_victims(time: Seconds) -> None:
    door = strangers(time)
    assert door.suspicion("Hello there, how are you?", name="You won! https://evil.example") == "link_in_name"
    assert door.suspicion("Hello there, how are you?", name="evil.shop") == "link_in_name"
    assert door.suspicion("Hello there, how are you?", name="Dr. Ana M. Nguyen-O'Hara Jr.") == ""


def test_a_long_text_that_comes_again_and_again_is_suspected_and_a_day_later_it_is_not(time: Seconds) -> None:
    door = strangers(time)
    text = "We offer the best services for your web site and want to work with you."
    assert [door.suspicion(text) for _ in range(3)] == ["", "", ""]
    assert door.suspicion(text.upper().replace(" ", "  ")) == "repeated"
    assert door.suspicion("How do I reset my password?") == ""
    time.at += 86_401
    assert door.suspicion(text) == ""
    for _ in range(10):
        assert door.suspicion("How do I pay?") == ""


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "client"),
    [
        ("203.0.113.9", "", (), "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", (), "203.0.113.9"),
        ("203.0.113.9", "198.51.100.1", ("10.0.0.0/8",), "203.0.113.9"),
        ("10.0.0.2", "198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.2", "1.1.1.1, 198.51.100.1", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.2", "1.1.1.1, 198.51.100.1, 10.9.9.9", ("10.0.0.0/8",), "198.51.100.1"),
        ("10.0.0.2", "10.1.1.1, 10.9.9.9", ("10.0.0.0/8",), "10.1.1.1"),
        ("10.0.0.2", "198.51.100.1, garbage", ("10.0.0.0/8",), "10.0.0.2"),
        ("10.0.0.2", "198.51.100.1,,", ("10.0.0.0/8",), "10.0.0.2"),
        ("10.0.0.2", "198.51.100.1:4711", ("10.0.0.2",), "198.51.100.1"),
        ("10.0.0.2", "[2001:db8:1:2:3::4]:443", ("10.0.0.2",), "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3:4:5:6", "", (), "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "", (), "203.0.113.9"),
        ("::ffff:10.0.0.2", "198.51.100.1", ("10.0.0.2",), "198.51.100.1"),
        ("", "198.51.100.1", ("0.0.0.0/0",), UNKNOWN),
        ("no address", "", (), UNKNOWN),
        ("10.0.0.2", "x" * 20_000, ("10.0.0.0/8",), "10.0.0.2"),
        ("10.0.0.2", "198.51.100.1\r\nX: y", ("10.0.0.0/8",), "10.0.0.2"),
    ],
)
def test_only_our_own_proxies_are_believed_and_only_from_the_right(
    peer: str, forwarded: str, trusted: tuple[str, ...], client: str
) -> None:
    assert client_key(peer, forwarded, trusted) == client
