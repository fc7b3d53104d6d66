"""Why a session ended: the vendor's ten reasons and our own, in plain words."""

from django.db.models import TextChoices


class EndReason(TextChoices):
    # The service's own values, verbatim (LiveAvatar API, stop request and historic sessions).
    UNKNOWN = "UNKNOWN", "unknown"
    USER_DISCONNECTED = "USER_DISCONNECTED", "visitor left"
    SERVER_ERROR = "SERVER_ERROR", "error of the service"
    IDLE_TIMEOUT = "IDLE_TIMEOUT", "idle too long"
    NO_CREDITS = "NO_CREDITS", "out of credits"
    USER_CLOSED = "USER_CLOSED", "ended by the visitor"
    AVATAR_DELETED = "AVATAR_DELETED", "avatar deleted"
    MAX_DURATION_REACHED = "MAX_DURATION_REACHED", "time limit reached"
    ZOMBIE_SESSION_REAP = "ZOMBIE_SESSION_REAP", "abandoned, cleaned up"
    AGENT_HANG_UP = "AGENT_HANG_UP", "agent hung up"
    # Ours.
    CANCELLED = "CANCELLED", "cancelled while starting"
    START_FAILED = "START_FAILED", "could not be started"
    PAGE_CLOSED = "PAGE_CLOSED", "page closed"
    ROOM_LOST = "ROOM_LOST", "connection to the room lost"
    SITE_STOPPED = "SITE_STOPPED", "site shut down"
    STAFF = "STAFF", "ended by staff"
    AGENT_LOST = "AGENT_LOST", "no agent could go on"
    AVATAR_LOST = "AVATAR_LOST", "connection to the avatar lost"


TO_VISITORS = {
    EndReason.UNKNOWN: "The conversation ended.",
    EndReason.USER_DISCONNECTED: "The conversation ended because the connection to you was lost.",
    EndReason.SERVER_ERROR: "The avatar service had a problem and ended the conversation. You can start again.",
    EndReason.IDLE_TIMEOUT: "The conversation ended because nothing was said for a while.",
    EndReason.NO_CREDITS: "The conversation ended because this site's credits with the avatar service are used up.",
    EndReason.USER_CLOSED: "You ended the conversation.",
    EndReason.AVATAR_DELETED: "The conversation ended because this avatar was removed. Please choose another.",
    EndReason.MAX_DURATION_REACHED: "The conversation reached its time limit.",
    EndReason.ZOMBIE_SESSION_REAP: "The conversation ended because the page was gone for too long.",
    EndReason.AGENT_HANG_UP: "The avatar ended the conversation.",
    EndReason.CANCELLED: "You cancelled before the conversation began. Nothing was recorded.",
    EndReason.START_FAILED: "The conversation could not be started.",
    EndReason.PAGE_CLOSED: "The conversation ended because its page was closed.",
    EndReason.ROOM_LOST: "The connection to the avatar was lost and could not be restored. You can start again.",
    EndReason.SITE_STOPPED: "The site was restarted, which ended the conversation. You can start again.",
    EndReason.STAFF: "A member of staff ended the conversation.",
    EndReason.AGENT_LOST: "The assistant behind the avatar broke down and could not be replaced. You can start again.",
    EndReason.AVATAR_LOST: "The avatar service closed the connection to the avatar. You can start again.",
}

# The reason that the vendor is given when the site stops a session. Its enum is closed.
FOR_VENDOR = {
    EndReason.PAGE_CLOSED: "USER_DISCONNECTED",
    EndReason.ROOM_LOST: "USER_DISCONNECTED",
    EndReason.CANCELLED: "USER_CLOSED",
    EndReason.START_FAILED: "UNKNOWN",
    EndReason.SITE_STOPPED: "UNKNOWN",
    EndReason.STAFF: "USER_CLOSED",
    EndReason.AGENT_LOST: "UNKNOWN",
    EndReason.AVATAR_LOST: "UNKNOWN",
}


def known_reason(text: object) -> EndReason:
    """Return the reason for a value from the wire; UNKNOWN for an undocumented one."""
    return EndReason(text) if text in EndReason.values else EndReason.UNKNOWN


def reason_for_vendor(reason: EndReason) -> str:
    """Return the vendor's word for a reason of ours."""
    return FOR_VENDOR.get(reason, reason.value)
