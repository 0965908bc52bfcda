"""Labels of deliveries: their outcomes and their proof."""

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
    DeliveryState.FILLED: "It filled a waiting job.",
    DeliveryState.NOTED: "It updated our copy of the ticket.",
    DeliveryState.UNLINKED: "No job of ours names the ticket.",
    DeliveryState.STALE: "Our copy of the ticket was already newer.",
    DeliveryState.IGNORED: "It contains nothing that we use.",
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
PROOF: dict[str, str] = {"true": "Signed", "false": "Token only"}
