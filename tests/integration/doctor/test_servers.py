"""The doctor with a real API: what it finds, and what it does not change."""

from sqlalchemy import Engine, text

from shared.database.engine import begin
from shared.settings import Settings
from tests.support.servers.serving import served
from worker.doctor import servers


def test_a_check_of_the_webhook_address_counts_as_no_rejection(
    settings: Settings, engine: Engine
) -> None:
    with served(settings, engine) as address:
        port = int(address.rpartition(":")[2])
        findings = list(servers.api(settings.model_copy(update={"port": port})))
    assert [(f.name, f.status.value) for f in findings] == [("api", "ok"), ("webhook_intake", "ok")]
    with begin(engine) as session:
        assert session.scalar(text("SELECT count(*) FROM webhook_rejections")) == 0
