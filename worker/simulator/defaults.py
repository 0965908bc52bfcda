"""Values shared by the simulator and its clients in development; none of them is secret."""

from typing import Final

from shared.settings.strength import SIMULATORS_WEBHOOK_SECRET

EMAIL: Final = "dev@routecard.example"
API_TOKEN: Final = "simulator-token"  # noqa: S105  a development value
SCOPED_TOKEN: Final = "simulator-scoped-token"  # noqa: S105  a development value
PAT: Final = "simulator-pat"
WEBHOOK_SECRET: Final = SIMULATORS_WEBHOOK_SECRET
CLOUD_ID: Final = "11223344-a1b2-4c3d-8e9f-a1b2c3d4e5f6"
TIME_ZONE: Final = "America/New_York"

HOST: Final = "127.0.0.1"
PORT: Final = 8090
TICKETS: Final = 400
RANDOM_SEED: Final = 42

PROJECT: Final = "PI"
SECOND_PROJECT: Final = "TL"
HIDDEN_PROJECT: Final = "RD"

FIELD_PART_NUMBER: Final = "customfield_10908"
FIELD_QUANTITY: Final = "customfield_10909"
FIELD_EPIC_LINK: Final = "customfield_10014"
