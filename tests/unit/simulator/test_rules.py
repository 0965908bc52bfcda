"""The simulator's rules: faults, limits, counts, deliveries and settings, with a fixed clock."""

from random import Random

import pytest

from tests.support.clocks import ManualClock
from worker.simulator.config import Deployment, RuntimeSettings
from worker.simulator.control.webhooks import Burst
from worker.simulator.counts import Counts, endpoint
from worker.simulator.errors import JiraRefusal
from worker.simulator.faults.rate_limits import BurstLimit, WriteLimit
from worker.simulator.faults.rules import FaultRules, fault_headers
from worker.simulator.members import InvalidControlError
from worker.simulator.webhooks.deliveries import Attempt, Delivery, Flow
from worker.simulator.webhooks.webhook import sign


class TestFaultBook:
    """Rules."""

    def test_a_rule_ends_after_its_seconds_and_starts_after_others(
        self, clock: ManualClock
    ) -> None:
        book = FaultRules(clock)
        book.add([{"fault": "500", "after": 10, "seconds": 5}])

        def strikes_after(seconds: float) -> bool:
            clock.advance(seconds)
            return book.find("GET", "/rest/api/2/myself") is not None

        assert [strikes_after(s) for s in (0, 9.9, 0.1, 4.9, 0.1)] == [
            False,
            False,
            True,
            True,
            False,
        ]

    def test_the_first_rule_that_strikes_wins(self, clock: ManualClock) -> None:
        book = FaultRules(clock)
        book.add([{"fault": "500", "times": 1}, {"fault": "503"}])

        kinds = [found.kind for _ in range(3) if (found := book.find("GET", "/rest/x"))]

        assert kinds == ["500", "503", "503"]

    def test_one_bad_rule_puts_none_in_force(self, clock: ManualClock) -> None:
        book = FaultRules(clock)

        with pytest.raises(InvalidControlError, match="tmies: Extra inputs are not permitted"):
            book.add([{"fault": "500"}, {"fault": "500", "tmies": 3}])
        assert book.to_json() == []

    def test_headers_follow_the_rule(self, clock: ManualClock) -> None:
        book = FaultRules(clock)
        book.add({"fault": "429", "retryAfter": 90, "retryAfterForm": "date", "resetIn": 90})
        fault = book.find("GET", "/rest/x")
        assert fault is not None

        headers = fault_headers(fault, clock)

        assert headers["Retry-After"] == "Mon, 23 Nov 2026 10:31:30 GMT"
        assert headers["X-RateLimit-Reset"] == "2026-11-23T10:31:30.000Z"

    def test_a_hang_is_bounded(self, clock: ManualClock) -> None:
        book = FaultRules(clock)
        book.add({"fault": "hang", "delay": 86_400})
        fault = book.find("GET", "/rest/x")

        assert fault is not None
        assert fault.delay == 120


class TestLimits:
    """Budgets."""

    def test_a_bucket_empties_and_fills(self, clock: ManualClock) -> None:
        limit = BurstLimit(clock, Deployment.CLOUD)

        def passes() -> bool:
            try:
                limit.spend("GET myself", per_second=2)
            except JiraRefusal:
                return False
            return True

        assert [passes() for _ in range(3)] == [True, True, False]
        clock.advance(0.5)
        assert [passes() for _ in range(2)] == [True, False]

    def test_writes_of_a_ticket_are_limited_in_both_windows(self, clock: ManualClock) -> None:
        limit = WriteLimit(clock)
        for _ in range(5):
            for _ in range(20):
                limit.spend(1)
            clock.advance(2.1)

        with pytest.raises(JiraRefusal) as refusal:
            limit.spend(1)
        assert refusal.value.headers["Retry-After"] == "30"
        limit.spend(2)
        clock.advance(30)
        limit.spend(1)


class TestCounts:
    """What load claims rest on."""

    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("/rest/api/2/issue/bulkfetch", "GET issue/bulkfetch"),
            ("/rest/api/latest/issue/PI-42", "GET issue/{key}"),
            ("/rest/api/3/search/jql", "GET search/jql"),
            ("/rest/api/3/project/PI", "GET project/{key}"),
            ("/rest/webhooks/1.0/webhook/7", "GET webhook/{id}"),
        ],
    )
    def test_endpoints_have_one_name_in_all_versions(self, path: str, name: str) -> None:
        assert endpoint("GET", path) == name

    def test_the_busiest_second_is_known(self, clock: ManualClock) -> None:
        counts = Counts(clock)
        for seconds in (0, 0, 0, 1, 0):
            clock.advance(seconds)
            counts.begin("GET myself")
            counts.end("GET myself", "200", fault=None)

        shown = counts.to_json()

        assert shown["requests"] == {"GET myself": 5}
        assert shown["maxPerSecond"] == {"GET myself": 3}
        assert shown["maxConcurrency"] == 1


class TestDeliveries:
    """Signatures, headers, and what is tried again."""

    def test_the_signature_is_that_of_atlassians_example(self) -> None:
        signature = sign(b"Hello World!", "It's a Secret to Everybody")

        expected = "a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
        assert signature == f"sha256={expected}"

    @pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 503, None])
    def test_these_answers_are_tried_again(self, status: int | None) -> None:
        assert not Attempt(at="", milliseconds=1, status=status).final

    @pytest.mark.parametrize("status", [200, 202, 204, 301, 400, 401, 403, 404, 410, 413])
    def test_these_are_final(self, status: int) -> None:
        assert Attempt(at="", milliseconds=1, status=status).final

    def test_a_retry_says_which_it_is(self) -> None:
        delivery = Delivery(
            identifier="i", webhook=1, url="http://x", event="e", key="PI-1",
            issue_id=1, body=b"{}", flow=Flow.SECONDARY,
        )  # fmt: skip
        delivery.attempts.append(Attempt(at="", milliseconds=1, status=503))

        headers = delivery.headers(cloud=True)

        assert headers["X-Atlassian-Webhook-Retry"] == "1"
        assert headers["X-Atlassian-Webhook-Flow"] == "Secondary"
        assert "X-Hub-Signature" not in headers

    def test_duplicates_are_part_of_the_deliveries_of_a_burst(self) -> None:
        options = Burst.of({"deliveries": 100, "duplicates": 0.2, "reorder": 0.3}).options(
            Random(1)
        )

        assert len(options) == 80
        assert sum(bool(one.repeat) for one in options) == 20
        assert sum(bool(one.late) for one in options) == 30


class TestSettings:
    """Knobs."""

    def test_they_are_changed_by_the_names_they_are_shown_under(self) -> None:
        changed = RuntimeSettings().changed({"latencyMs": 5, "expired": True})

        assert changed.to_json()["latencyMs"] == 5
        assert changed.to_json()["expired"] is True

    @pytest.mark.parametrize("values", [{"latency": 1}, {"expired": 1}, {"captchaAfter": 1.5}])
    def test_unknown_names_and_types_are_refused(self, values: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=r"Input should be a valid|Extra inputs"):
            RuntimeSettings().changed(values)
