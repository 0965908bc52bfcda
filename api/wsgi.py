"""What the WSGI server loads: ``granian --interface wsgi api.wsgi:app``; settings are read here."""

import atexit

from api.app import create_app
from api.runtime import runtime_of
from shared.logs import setup_logs
from shared.settings import load_settings

_settings = load_settings()
setup_logs(fmt=_settings.log_format, level=_settings.log_level)
app = create_app(_settings)
atexit.register(runtime_of(app).close)
