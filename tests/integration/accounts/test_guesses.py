"""Guesses at passwords: the wait grows where the guesses come from, and hardly anywhere else."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import Engine, text

from shared.accounts import guesses, login, operators
from shared.accounts.guesses import ACCOUNT, NETWORK, PAIR, SHORT_SECONDS, LoginDelayedError
from shared.accounts.login import AT_ONCE, BadLoginError, Client, LoginBusyError
from shared.database.engine import begin
from shared.models import LoginFailures
from shared.settings import Settings
from tests.dsl import PASSWORD, application, configured, log_in, operator

WRONG = "a wrong guess"
BAD, DELAYED, BUSY, IN = "bad_login", "login_delayed", "login_busy", "in"


def tried(
    engine: Engine, name: str = "ada", *, password: str = WRONG, address: str = "10.0.0.1"
) -> str:
    """What becomes of a login."""
    try:
        login.log_in(engine, name, password=password, client=Client(address, ""))
    except (BadLoginError, LoginDelayedError, LoginBusyError) as error:
        return error.code
    return IN


def waited(engine: Engine) -> None:
    """Let all waits end."""
    with begin(engine) as session:
        session.execute(text("UPDATE login_failures SET locked_until = NULL"))


def failures(engine: Engine) -> dict[str, int]:
    """The counts."""
    with begin(engine) as session:
        return {row.subject: row.failures for row in session.query(LoginFailures)}


def wait_of(engine: Engine, subject: str) -> int:
    """Seconds that the last guess made the next one wait."""
    with begin(engine) as session:
        row = session.get_one(LoginFailures, subject)
        until = row.locked_until
        return 0 if until is None else round((until - row.last_at).total_seconds())


def guessed(engine: Engine, times: int, name: str = "ada", *, address: str = "10.0.0.1") -> None:
    """So many wrong guesses, each after the wait for it."""
    for _ in range(times):
        assert tried(engine, name, address=address) == BAD
        waited(engine)


def test_the_wait_of_one_address_for_one_account_doubles_up_to_its_longest(engine: Engine) -> None:
    operator(engine)
    waits = []
    for _ in range(15):
        assert tried(engine) == BAD
        waits.append(wait_of(engine, "pair:10.0.0.1 ada"))
        waited(engine)
    assert waits == [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]


@pytest.mark.parametrize("name", ["ada", "nobody"])
def test_a_guess_that_comes_too_early_is_told_how_long_to_wait_and_is_not_checked(
    settings: Settings, engine: Engine, name: str
) -> None:
    operator(engine)
    behind = {"REMOTE_ADDR": "10.0.0.9"}
    with application(configured(settings, trusted_proxies=1), engine) as app:

        def answer(password: str) -> Any:
            headers = {"X-Forwarded-For": "203.0.113.7"}
            client = app.test_client()
            return log_in(
                client, name, password=password, headers=headers, environ_overrides=behind
            )

        guessed(engine, 11, name, address="203.0.113.7")
        assert answer(WRONG).status_code == 403
        early = answer(PASSWORD)
        assert early.status_code == 429
        assert 500 < int(early.headers["Retry-After"]) <= 512
        assert "Too many failed logins. Try again in 9 minutes." in early.text
    assert failures(engine)[f"pair:203.0.113.7 {name}"] == 12


def test_a_success_ends_the_wait_and_begins_the_count_anew(engine: Engine) -> None:
    operator(engine)
    guessed(engine, 9)
    assert tried(engine, password=PASSWORD) == IN
    assert failures(engine) == {"address:10.0.0.1": 9, "name:ada": 9}
    assert [tried(engine) for _ in range(4)] == [BAD, BAD, BAD, DELAYED]


def test_guesses_from_elsewhere_never_hold_up_the_first_try_of_another_address(
    engine: Engine,
) -> None:
    operator(engine)
    guessed(engine, 30)
    assert tried(engine) == BAD
    assert tried(engine) == DELAYED
    assert tried(engine, password=PASSWORD, address="10.0.0.2") == IN


def test_a_second_try_waits_for_guesses_from_elsewhere_for_seconds_at_most(engine: Engine) -> None:
    operator(engine)
    for number in range(40):
        guessed(engine, 1, address=f"10.0.1.{number}")
    assert tried(engine, address="10.0.0.2") == BAD
    with pytest.raises(LoginDelayedError) as delayed:
        login.log_in(engine, "ada", password=PASSWORD, client=Client("10.0.0.2", ""))
    assert 1 <= delayed.value.seconds <= SHORT_SECONDS
    assert wait_of(engine, "name:ada") == ACCOUNT.longest == SHORT_SECONDS


def test_an_address_from_which_the_account_has_logged_in_waits_for_no_guesses_from_elsewhere(
    engine: Engine,
) -> None:
    operator(engine)
    assert tried(engine, password=PASSWORD, address="10.0.0.2") == IN
    for number in range(12):
        assert tried(engine, address=f"10.0.1.{number}") == BAD
    assert tried(engine, address="10.0.0.2") == BAD
    assert tried(engine, password=PASSWORD, address="10.0.0.2") == IN


def test_guesses_at_many_accounts_hold_up_their_network_except_for_accounts_at_home_there(
    engine: Engine,
) -> None:
    operator(engine)
    operator(engine, "eve")
    assert tried(engine, password=PASSWORD, address="2001:db8:1::5") == IN
    for number in range(NETWORK.free):
        assert tried(engine, f"n{number}", address=f"2001:db8:1:{number:x}::1") == BAD
    assert tried(engine, "eve", password=PASSWORD, address="2001:db8:1:ffff::1") == DELAYED
    assert tried(engine, "eve", password=PASSWORD, address="2001:db8:2::1") == IN
    assert tried(engine, password=PASSWORD, address="2001:db8:1:0:9::9") == IN
    assert wait_of(engine, "address:2001:db8:1::/48") == NETWORK.first


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "unknown", ""])
def test_an_address_that_everybody_may_share_waits_for_seconds_at_most(
    engine: Engine, address: str
) -> None:
    operator(engine)
    guessed(engine, NETWORK.free + 5, address=address)
    assert tried(engine, address=address) == BAD
    with pytest.raises(LoginDelayedError) as delayed:
        login.log_in(engine, "ada", password=PASSWORD, client=Client(address, ""))
    assert delayed.value.seconds <= SHORT_SECONDS


def test_spellings_of_one_network_are_one() -> None:
    spelled = {
        "10.0.0.1": ["10.0.0.1", "::ffff:10.0.0.1", "::ffff:a00:1"],
        "2001:db8:1:2::/64": ["2001:db8:1:2:3::4", "2001:0db8:1:2:ffff::1%eth0"],
        None: ["not an address", "10.0.0.1:80", ""],
    }
    for network, addresses in spelled.items():
        assert {guesses.Guess("ada", address).network for address in addresses} == {network}


def test_a_new_password_ends_the_waits_of_that_account_alone(engine: Engine) -> None:
    operator(engine, "ada b")
    guessed(engine, 4, "ada b")
    guessed(engine, 4, "b")
    with begin(engine) as session:
        operators.set_password(session, "ada b", password=PASSWORD)
    assert failures(engine) == {"address:10.0.0.1": 8, "name:b": 4, "pair:10.0.0.1 b": 4}


def test_many_guesses_at_once_gain_nothing(engine: Engine) -> None:
    operator(engine)
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: tried(engine), range(24)))
    # Under load some come after the wait of a second that the third one caused.
    assert outcomes.count(BAD) == failures(engine)["pair:10.0.0.1 ada"]
    assert PAIR.free <= outcomes.count(BAD) < PAIR.free + 4
    assert outcomes.count(BAD) + outcomes.count(DELAYED) + outcomes.count(BUSY) == 24


def test_a_flood_of_logins_is_refused_at_once_beyond_a_few_and_counts_for_nobody(
    settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator(engine)
    hashing, free = threading.Semaphore(0), threading.Event()

    def slow(*_: Any) -> bool:
        hashing.release()
        return not free.wait(60)

    monkeypatch.setattr(operators, "verify", slow)
    with ThreadPoolExecutor(AT_ONCE) as pool, application(settings, engine) as app:
        held = [pool.submit(tried, engine, f"n{n}", address=f"10.0.1.{n}") for n in range(AT_ONCE)]
        try:
            assert all(hashing.acquire(timeout=30) for _ in held)
            refused = log_in(app.test_client())
        finally:
            free.set()
        assert [each.result() for each in held] == [BAD] * AT_ONCE
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert "Too many logins at once" in refused.text
    assert "name:ada" not in failures(engine)
    monkeypatch.undo()
    assert tried(engine, password=PASSWORD) == IN


def test_counts_of_a_day_ago_are_forgotten_and_deleted(engine: Engine) -> None:
    operator(engine)
    guessed(engine, 9)
    with begin(engine) as session:
        session.execute(text("UPDATE login_failures SET last_at = now() - interval '25 hours'"))
    assert tried(engine, "eve", address="10.0.0.2") == BAD
    assert set(failures(engine)) == {"pair:10.0.0.2 eve", "address:10.0.0.2", "name:eve"}
