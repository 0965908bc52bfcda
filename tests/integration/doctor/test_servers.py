"""The doctor with a real API: what it finds, and what it does not change."""

from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.settings import AuthMode, Settings
from tests.dsl import operator
from tests.support.servers.serving import served
from worker.doctor import servers
from worker.doctor.findings import Status


def test_a_check_of_the_webhook_address_counts_as_no_rejection(
    settings: Settings, engine: Engine
) -> None:
    with served(settings, engine) as address:
        port = int(address.rpartition(":")[2])
        findings = list(servers.api(settings.model_copy(update={"port": port})))
    assert [(f.name, f.status.value) for f in findings] == [
        ("api", "ok"),
        ("access", "ok"),
        ("webhook_intake", "ok"),
    ]
    assert "Open mode" in findings[1].message
    with begin(engine) as session:
        assert session.scalar(text("SELECT count(*) FROM webhook_rejections")) == 0


def test_it_says_that_credentials_are_required_and_that_none_exists(
    settings: Settings, engine: Engine
) -> None:
    with served(settings.model_copy(update={"auth": AuthMode.REQUIRED}), engine) as address:
        port = int(address.rpartition(":")[2])
        asked = settings.model_copy(update={"port": port})
        without = {finding.name: finding for finding in servers.api(asked)}["access"]
        operator(engine)
        with_one = {finding.name: finding for finding in servers.api(asked)}["access"]
    assert without.status is Status.WARN
    assert "routecard user add" in without.remedy
    assert (with_one.status, with_one.message) == (Status.OK, "Credentials are required.")
