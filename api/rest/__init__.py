"""The REST API's route table: how a route is declared, read from a request and documented."""
