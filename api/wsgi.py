"""What the WSGI server loads: ``granian --interface wsgi api.wsgi:app``; settings are read here."""

from multiprocessing.util import Finalize

from api.app import create_app
from api.runtime import runtime_of
from shared.accounts.exposure import report_access
from shared.accounts.run_proof import started_by_dev
from shared.logs import setup_logs
from shared.settings import load_settings

_settings = load_settings()
setup_logs(fmt=_settings.log_format, level=_settings.log_level)
_under_dev = started_by_dev(_settings)
app = create_app(_settings, under_dev=_under_dev)
report_access(_settings, under_dev=_under_dev)
# Not atexit: granian's workers are children of multiprocessing, which end without it.
Finalize(None, runtime_of(app).close, exitpriority=0)
