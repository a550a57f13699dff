"""No account is locked out: one log-on of an account and password, then the same answer for everybody."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from remote.hosts import Host
from remote.logons import AGAIN_SECONDS, AGAIN_TIMES, Account, Kind, LogOns, RefusedLogOn
from remote.secret import Secret

INSTALLER = Account(Kind.ONE_DIRECTORY, "hyper-v.nu", "installer", Secret("Wrong-1!"))
SA = Account(Kind.EACH_SERVER, "SQL Server", "sa", Secret("Wrong-1!"))
LISTENER, SERVERS = "listener", frozenset({"SQL1", "SQL2"})


class World:
    """Servers that refuse, and every attempt at one."""

    def __init__(self) -> None:
        self.now = 0.0
        self.log_ons = LogOns(lambda: self.now)
        self.refusing: set[str] = set()
        self.tried: list[str] = []
        self.said: list[tuple[str, int]] = []
        self.lock = threading.Lock()

    def at(self, server: str, account: Account, *, before: frozenset[str] = frozenset()) -> str:
        def log_on() -> str:
            with self.lock:
                self.tried.append(server)
            if server in self.refusing:
                raise RefusedLogOn("no", 18456)
            return "in"

        try:
            return self.log_ons.run(account, server, log_on, before=before)
        except RefusedLogOn as refusal:
            self.said.append((refusal.why, refusal.number))
            return f"refused by {refusal.by or 'itself'}"


@pytest.fixture
def world() -> World:
    return World()


class TestAccountOfADomain:
    def test_one_machine_refuses_for_all(self, world: World) -> None:
        world.refusing = {"Portal1", "SQL1"}
        assert world.at("Portal1", INSTALLER) == "refused by itself"
        assert [world.at(name, INSTALLER) for name in ("Portal1", "SQL1")] == ["refused by Portal1"] * 2
        assert world.tried == ["Portal1"]

    def test_another_password_or_account_is_another_matter(self, world: World) -> None:
        world.refusing = {"Portal1"}
        world.at("Portal1", INSTALLER)
        world.refusing = set()
        assert world.at("SQL1", Account(Kind.ONE_DIRECTORY, "hyper-v.nu", "installer", Secret("Right-1!"))) == "in"
        assert world.at("SQL1", Account(Kind.ONE_DIRECTORY, "web.dmz", "installer", INSTALLER.password)) == "in"

    def test_a_server_that_does_not_answer_is_no_refusal(self, world: World) -> None:
        def unreachable() -> str:
            raise ConnectionError

        with pytest.raises(ConnectionError):
            world.log_ons.run(INSTALLER, "Portal1", unreachable)
        assert world.at("Portal1", INSTALLER) == "in"

    @pytest.mark.parametrize("account", [INSTALLER, SA], ids=["directory", "each server"])
    def test_those_who_come_at_the_same_time_wait_for_the_first(self, world: World, account: Account) -> None:
        world.refusing = {"SQL1"}
        entered = threading.Event()

        def slow() -> str:
            with world.lock:
                world.tried.append("SQL1")
            entered.wait(0.3)
            raise RefusedLogOn("no", 18456)

        def look(_: int) -> str:
            try:
                return world.log_ons.run(account, "SQL1", slow)
            except RefusedLogOn as refusal:
                return refusal.by

        with ThreadPoolExecutor(8) as pool:
            said = sorted(pool.map(look, range(8)))
        assert said == ["", *["SQL1"] * 7]
        assert world.tried == ["SQL1"]

    def test_once_admitted_nobody_waits(self, world: World) -> None:
        assert world.at("Portal1", INSTALLER) == "in"
        together = threading.Barrier(2, timeout=5)

        def log_on() -> str:
            together.wait()
            return "in"

        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(lambda name: world.log_ons.run(INSTALLER, name, log_on), ("A", "B"))) == ["in"] * 2

    def test_an_admitted_one_is_refused_by_that_machine_alone_and_tried_again_a_few_times(self, world: World) -> None:
        """A machine that has just started and finds no domain controller; or the password was changed meanwhile."""
        world.at("Portal1", INSTALLER)
        world.refusing = {"SQL1"}
        when: list[float] = []
        while world.now < 3600:
            before = len(world.tried)
            world.at("SQL1", INSTALLER)
            when += [world.now] * (len(world.tried) - before)
            world.now += AGAIN_SECONDS / 3
        assert when == [0, AGAIN_SECONDS, 3 * AGAIN_SECONDS, 7 * AGAIN_SECONDS]
        assert len(when) == AGAIN_TIMES
        assert world.at("SQL2", INSTALLER) == "refused by SQL1", "as often as it may be refused in a row"

    def test_a_machine_that_admits_it_again_ends_the_count(self, world: World) -> None:
        world.at("Portal1", INSTALLER)
        for _ in range(3 * AGAIN_TIMES):
            world.refusing = {"SQL1"}
            world.at("SQL1", INSTALLER)
            world.now += AGAIN_SECONDS
            world.refusing = set()
            assert world.at("SQL1", INSTALLER) == "in"


class TestLoginOfASqlServer:
    def test_each_server_answers_once(self, world: World) -> None:
        world.refusing = {"SQL1"}
        assert [world.at(name, SA) for name in ("SQL1", "SQL1", "SQL2", "SQL2")] == [
            "refused by itself",
            "refused by SQL1",
            "in",
            "in",
        ]
        assert world.tried == ["SQL1", "SQL2", "SQL2"]
        assert world.said == [("no", 18456)] * 2, "the same words and number for both"

    def test_a_listener_leads_to_one_that_refused(self, world: World) -> None:
        world.refusing = {"SQL1", LISTENER}
        world.at("SQL1", SA)
        assert world.at(LISTENER, SA, before=SERVERS) == "refused by SQL1"
        assert world.tried == ["SQL1"]

    def test_a_listener_may_lead_to_one_that_admits(self, world: World) -> None:
        world.refusing = {"SQL2"}
        world.at("SQL2", SA)
        world.at("SQL1", SA)
        assert world.at(LISTENER, SA, before=SERVERS) == "in"

    def test_one_that_admitted_and_refuses_now_does_not_count_as_one_that_admits(self, world: World) -> None:
        world.at("SQL1", SA)
        world.refusing = {"SQL1"}
        world.at("SQL1", SA)
        assert world.at(LISTENER, SA, before=SERVERS) == "refused by SQL1"

    def test_a_listener_that_refuses_stands_for_those_behind_it(self, world: World) -> None:
        world.refusing = {"SQL2", LISTENER}
        world.at("SQL1", SA)
        assert world.at(LISTENER, SA, before=SERVERS) == "refused by itself"
        assert world.at("SQL2", SA) == "refused by listener"
        assert world.at("SQL1", SA) == "in", "it has admitted the login, so it is not who refused"
        assert world.at("SQL9", SA) == "in", "not behind this listener"
        assert world.tried == ["SQL1", LISTENER, "SQL1", "SQL9"]

    @pytest.mark.parametrize("changed", ["SQL1", "SQL2"])
    def test_a_change_at_a_server_behind_it_lets_the_listener_be_tried(self, world: World, changed: str) -> None:
        world.refusing = {LISTENER}
        world.at(LISTENER, SA, before=SERVERS)
        world.refusing = set()
        world.log_ons.forget(changed)
        assert world.at(LISTENER, SA, before=SERVERS) == "in"

    def test_a_change_at_one_server_is_none_at_another(self, world: World) -> None:
        world.refusing = {"SQL1", "SQL2"}
        world.at("SQL1", SA)
        world.at("SQL2", SA)
        world.refusing = set()
        world.log_ons.forget("SQL1")
        assert [world.at("SQL1", SA), world.at("SQL2", SA)] == ["in", "refused by SQL2"]

    def test_a_windows_account_is_not_forgotten_by_it(self, world: World) -> None:
        world.refusing = {"SQL1"}
        world.at("SQL1", INSTALLER)
        world.log_ons.forget("SQL1")
        assert world.at("SQL1", INSTALLER) == "refused by SQL1"


def host(username: str, name: str = "SQL1", fqdn: str = "sql1.hyper-v.nu") -> Host:
    return Host(name, fqdn, "127.0.0.1", username, Secret("only-for-tests"), netbios="HYPERVNU")


@pytest.mark.parametrize(
    ("username", "realm", "user"),
    [
        (r"HYPERVNU\Installer", "hyper-v.nu", "installer"),
        (r"hyper-v.nu\installer", "hyper-v.nu", "installer"),
        ("installer@hyper-v.nu", "hyper-v.nu", "installer"),
        ("installer", "hyper-v.nu", "installer"),
        (r".\installer", "sql1", "installer"),
        (r"SQL1\installer", "sql1", "installer"),
        (r"WEB\installer", "web", "installer"),
        ("installer@web.dmz", "web.dmz", "installer"),
    ],
)
def test_whose_account_it_is(username: str, realm: str, user: str) -> None:
    assert host(username).directory_account == (realm, user)


def test_local_accounts_are_each_machines_own() -> None:
    find: Callable[[str], tuple[str, str]] = lambda name: host(r".\admin", name).directory_account  # noqa: E731
    assert find("SQL1") != find("SQL2")
