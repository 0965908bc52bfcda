"""A drain over a connection that a firewall forgot while it was idle."""

import pytest
from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.settings import Settings
from tests.dsl import configured, make_jobs, task_counts, worker
from tests.support.jira.simulated import SimulatedJira
from tests.support.servers.proxy import SilentProxy
from worker.jira.http import transport
from worker.sync.drain import drain


def test_it_fills_its_tasks_and_jira_never_counts_as_down(
    settings: Settings, engine: Engine, jira: SimulatedJira, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "PATIENCE", 1.0)
    with SilentProxy(int(jira.url.rpartition(":")[2])) as firewall:
        through = configured(settings, jira_base_url=f"http://127.0.0.1:{firewall.port}")
        with worker(through) as runtime:
            make_jobs(engine, "PI-42")
            drain(runtime)
            firewall.forget()
            make_jobs(engine, "PI-43", "PI-44")
            drain(runtime)
    assert task_counts(engine) == {"filled": 3}
    with begin(engine) as session:
        assert session.scalar(text("SELECT count(*) FROM jira_pauses WHERE code IS NOT NULL")) == 0
        outcomes = session.scalars(text("SELECT DISTINCT outcome FROM sync_attempts")).all()
    assert outcomes == ["filled"]
