"""Sends webhooks: twenty at a time, with retries after failures, not always in order."""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from random import Random
from threading import Condition, Thread
from typing import Final
from uuid import uuid4

import orjson
import urllib3

from shared.clock import Clock, iso_millis
from worker.simulator import defaults
from worker.simulator.config import Deployment, SimulatorConfig
from worker.simulator.site.store import Event
from worker.simulator.webhooks.deliveries import (
    MOST_RETRIES,
    Attempt,
    Delivery,
    Flow,
    Outcome,
)
from worker.simulator.webhooks.payload import PayloadRenderer
from worker.simulator.webhooks.webhook import Webhook

CONCURRENCY: Final = 20
_KEPT: Final = 20_000
_RETRY_SECONDS: Final = (300.0, 900.0)
_FAILING_SECONDS: Final = 1800.0
_LATE_SECONDS: Final = (0.1, 1.5)
_REPEAT_SECONDS: Final = (0.05, 1.0)
_JOIN_SECONDS: Final = 3.0


@dataclass(frozen=True, slots=True)
class DeliveryOptions:
    """How a delivery is sent; None leaves it to the webhook's own shares."""

    repeat: bool | None = None
    late: bool | None = None
    flow: Flow = Flow.PRIMARY


class WebhookSender:
    """Registered webhooks, a queue ordered by due time, and the threads that send from it."""

    def __init__(self, config: SimulatorConfig, clock: Clock) -> None:
        self.webhooks: list[Webhook] = []
        self._deliveries: deque[Delivery] = deque(maxlen=_KEPT)
        self._cloud = config.deployment is Deployment.CLOUD
        self._zone = defaults.TIME_ZONE
        self.retry_scale = config.retry_scale
        self._clock = clock
        self._draw = Random(defaults.RANDOM_SEED)  # noqa: S311  test data, not secrets
        self._due: list[tuple[float, int, Delivery]] = []
        self._ready = Condition()
        self._order = count()
        self._threads: list[Thread] = []
        self._stopped = False
        self._failing_since: float | None = None
        timeout = urllib3.Timeout(connect=5.0, read=config.webhook_timeout_seconds)
        self._make_pool: Callable[[], urllib3.PoolManager] = lambda: urllib3.PoolManager(
            maxsize=CONCURRENCY, retries=False, timeout=timeout
        )
        self._pool = self._make_pool()

    def enqueue(
        self, event: Event, payloads: PayloadRenderer, *, options: DeliveryOptions | None = None
    ) -> int:
        """Queue a delivery for every webhook that accepts the event; returns how many."""
        store = payloads.renderer.store
        accepting = [w for w in self.webhooks if w.accepts(event, store=store, zone=self._zone)]
        if not accepting:
            return 0
        body = orjson.dumps(payloads.payload(event, at_ms=store.now_ms()))
        for webhook in accepting:
            self._add(webhook, event, body, options or DeliveryOptions())
        return len(accepting)

    def stop(self) -> None:
        """Start no more deliveries; those in progress are finished, the others stay queued."""
        with self._ready:
            self._stopped = True
            self._ready.notify_all()
        deadline = self._clock.monotonic() + _JOIN_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - self._clock.monotonic()))
        self._threads.clear()
        self._pool.clear()

    def resume(self) -> None:
        """Continue after ``stop``; threads start with the next delivery."""
        with self._ready:
            self._stopped = False
            self._pool = self._make_pool()
            if self._due:
                self._start_thread()

    def clear(self) -> None:
        """Empty the queue and the log; deliveries in progress continue."""
        with self._ready:
            self._due.clear()
            self._deliveries.clear()

    def deliveries(self) -> list[Delivery]:
        """The last deliveries, newest last."""
        with self._ready:
            return list(self._deliveries)

    def _add(self, webhook: Webhook, event: Event, body: bytes, options: DeliveryOptions) -> None:
        late = self._chance(options.late, webhook.reorder)
        sent = b"" if webhook.exclude_body else body
        delivery = Delivery(
            identifier=str(uuid4()),
            webhook=webhook.number,
            url=webhook.address(event, cloud=self._cloud),
            event=event.change.value,
            key=event.ticket.key,
            issue_id=event.ticket.id,
            body=sent,
            extra=webhook.request_headers(sent),
            flow=options.flow,
            repeats=int(self._chance(options.repeat, webhook.duplicates)),
            late=late,
        )
        with self._ready:
            self._deliveries.append(delivery)
        self._schedule(delivery, self._draw.uniform(*_LATE_SECONDS) if late else 0.0)

    def _chance(self, decided: bool | None, share: float) -> bool:  # noqa: FBT001  a value, not a switch
        return decided if decided is not None else self._draw.random() < share

    def _schedule(self, delivery: Delivery, seconds: float) -> None:
        with self._ready:
            due = self._clock.monotonic() + seconds
            heapq.heappush(self._due, (due, next(self._order), delivery))
            if not self._stopped:
                self._start_thread()
            self._ready.notify()

    def _start_thread(self) -> None:
        if len(self._threads) < min(CONCURRENCY, len(self._due)):
            name = f"jira-webhooks-{len(self._threads)}"
            thread = Thread(target=self._work, name=name, daemon=True)
            self._threads.append(thread)
            thread.start()

    def _work(self) -> None:
        while (delivery := self._next()) is not None:
            self._finish(delivery, self._send(delivery))

    def _next(self) -> Delivery | None:
        """Wait for the next delivery that is due; None after ``stop``."""
        with self._ready:
            while not self._stopped:
                now = self._clock.monotonic()
                if self._due and self._due[0][0] <= now:
                    return heapq.heappop(self._due)[2]
                self._ready.wait(self._due[0][0] - now if self._due else None)
            return None

    def _send(self, delivery: Delivery) -> Attempt:
        began, at = self._clock.monotonic(), iso_millis(self._clock.now())
        status, error = None, None
        try:
            answer = self._pool.request(
                "POST",
                delivery.url,
                body=delivery.body,
                headers=delivery.headers(cloud=self._cloud),
                redirect=False,
            )
            status = answer.status
        except urllib3.exceptions.HTTPError as failure:
            error = type(failure).__name__
        spent = round((self._clock.monotonic() - began) * 1000, 1)
        return Attempt(at=at, milliseconds=spent, status=status, error=error)

    def _finish(self, delivery: Delivery, attempt: Attempt) -> None:
        """Record the attempt and schedule the next one, if there is one."""
        delivery.attempts.append(attempt)
        again = self._pause_before_next(delivery, attempt)
        delivery.pending = again is not None
        if again is not None:
            self._schedule(delivery, again)

    def _pause_before_next(self, delivery: Delivery, attempt: Attempt) -> float | None:
        """Seconds until the next attempt, or None. An accepted delivery can be sent again too."""
        if attempt.accepted:
            self._failing_since = None
            delivery.outcome = Outcome.DELIVERED
            delivery.repeats -= 1
            return self._draw.uniform(*_REPEAT_SECONDS) if delivery.repeats >= 0 else None
        if delivery.outcome is Outcome.DELIVERED:
            return None
        if self._gives_up(delivery, attempt):
            delivery.outcome = Outcome.FAILED
            return None
        return self._draw.uniform(*_RETRY_SECONDS) * self.retry_scale

    def _gives_up(self, delivery: Delivery, attempt: Attempt) -> bool:
        """Whether to stop: after half an hour of failures each event gets a single attempt."""
        if attempt.final or not self._cloud:
            return True
        now = self._clock.monotonic()
        self._failing_since = since = self._failing_since or now
        if len(delivery.attempts) == 1:
            return now - since > _FAILING_SECONDS * self.retry_scale
        return len(delivery.attempts) > MOST_RETRIES
