"""Plain words for deliveries: outcomes, and why requests were turned away."""

from api.dashboard.kit.words import Cause
from shared.states import RejectionReason
from shared.webhooks.queries import DeliveryState

STATE: dict[str, str] = {
    DeliveryState.WAITING: "Waiting",
    DeliveryState.FILLED: "Filled",
    DeliveryState.NOTED: "Noted",
    DeliveryState.UNLINKED: "No job",
    DeliveryState.STALE: "Stale",
    DeliveryState.IGNORED: "Ignored",
    DeliveryState.FAILED: "Failed",
}
MEANING: dict[str, str] = {
    DeliveryState.WAITING: "Not applied yet.",
    DeliveryState.FILLED: "It filled a job that waited.",
    DeliveryState.NOTED: "Our copy of the ticket is up to date by it.",
    DeliveryState.UNLINKED: "No job of ours names the ticket.",
    DeliveryState.STALE: "Our copy was newer already.",
    DeliveryState.IGNORED: "Nothing in it that we use.",
    DeliveryState.FAILED: "It could not be applied.",
}
TONE: dict[str, str] = {
    DeliveryState.WAITING: "wait",
    DeliveryState.FILLED: "good",
    DeliveryState.NOTED: "good",
    DeliveryState.UNLINKED: "off",
    DeliveryState.STALE: "off",
    DeliveryState.IGNORED: "off",
    DeliveryState.FAILED: "bad",
}
PROOF: dict[str, str] = {"true": "Signed", "false": "By token alone"}
REJECTION: dict[str, Cause] = {
    RejectionReason.NO_PROOF: Cause(
        "Neither signature nor token",
        "Enter the secret in Jira's webhook form, or look for who else calls this address.",
    ),
    RejectionReason.MALFORMED_SIGNATURE: Cause(
        "Signature of a form we do not know",
        "Something between Jira and here changes the header X-Hub-Signature.",
    ),
    RejectionReason.WRONG_SIGNATURE: Cause(
        "Wrong signature",
        "The secret in Jira's webhook form is not that of JIRA_WEBHOOK_SECRET, "
        "or a proxy changes the body.",
    ),
    RejectionReason.WRONG_TOKEN: Cause(
        "Wrong token",
        "The sender's token is not the one whose hash is in JIRA_WEBHOOK_TOKEN_HASH.",
    ),
    RejectionReason.EMPTY_BODY: Cause(
        "Empty body", "Let the webhook send its body: do not exclude it."
    ),
    RejectionReason.NOT_CONFIGURED: Cause(
        "No secret is set here",
        "Set JIRA_WEBHOOK_SECRET to the secret of Jira's webhook form.",
    ),
    RejectionReason.TOO_LARGE: Cause("Larger than 25 MiB", "Look at which ticket grew so large."),
    RejectionReason.BUSY: Cause(
        "Too many at once",
        "Jira sends them again by itself; more API processes take more at once.",
    ),
}
"""Each reason in words, and its remedy."""
