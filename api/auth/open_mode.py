"""Open mode: when a request under `routecard dev` needs no credential (spec/API.md, "Access")."""

from flask import Request

from api.auth.origins import host_and_port, is_cross_site, own_origin
from api.runtime import Runtime
from shared.accounts.exposure import any_credential_made
from shared.database.engine import in_transaction
from shared.settings import is_loopback

_HTTP_PORT = 80
# What proxies, load balancers and content delivery networks add to a request, by how it begins.
_FORWARDING = (
    *("forwarded", "x-forward", "x-original-", "x-real-", "x-client-", "x-cluster-", "x-remote-"),
    *("x-proxy", "x-host", "x-scheme", "x-url-scheme", "x-proto", "x-rewrite-", "x-arr-"),
    *("x-azure-", "x-amzn-", "x-amz-cf-", "x-envoy-", "x-appengine-", "x-varnish", "x-nginx-"),
    *("via", "cf-", "cdn-", "true-client-", "client-ip", "remote-", "fastly-", "fly-", "akamai-"),
    *("proxy-", "front-end-https"),
)


def in_open_mode(request: Request, runtime: Runtime) -> bool:
    """Whether this request needs no credential, for the API and for the dashboard alike.

    The database is asked each time, so that the first token or operator closes the mode at once
    in every process. Raises DatabaseUnavailableError.
    """
    return (
        runtime.open_mode_possible
        and is_own(request, port=runtime.settings.port)
        and not in_transaction(runtime.engine, any_credential_made)
    )


def is_own(request: Request, *, port: int) -> bool:
    """Whether the request comes from this machine straight to us, and from no foreign web page.

    A proxy on this machine that sets no forwarding header cannot be told from a local client,
    which is one reason why open mode exists under `routecard dev` only.
    """
    host, asked_port = host_and_port(request.headers.get("Host", ""))
    return (
        is_loopback(request.environ.get("REMOTE_ADDR", ""))
        and is_loopback(host)
        and (_HTTP_PORT if asked_port is None else asked_port) == port
        and not any(name.lower().startswith(_FORWARDING) for name in request.headers.keys())  # noqa: SIM118  iterating headers yields pairs
        and request.headers.get("Origin", own_origin(request)) == own_origin(request)
        and not is_cross_site(request)
    )
