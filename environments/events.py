"""The names of what can happen, and each as a sentence for the log page."""

from collections.abc import Mapping
from enum import StrEnum


class Event(StrEnum):
    DENIED = "access.denied"
    SIGNED_IN = "sign-in.succeeded"
    SIGN_IN_FAILED = "sign-in.failed"
    NOT_CONFIRMED = "sign-in.not-confirmed"
    SIGNED_OUT = "sign-in.ended"
    PASSWORD_CHANGED = "password.changed"
    PASSWORD_RESET = "password.reset"
    SESSION_ENDED = "sign-in.session-ended"
    FACTOR_ADDED = "sign-in.factor-added"
    FACTOR_REMOVED = "sign-in.factor-removed"
    RECOVERY_CODES_MADE = "sign-in.codes-made"
    RECOVERY_CODES_SEEN = "sign-in.codes-seen"
    NOTICES_CHOSEN = "notices.chosen"
    RECOVERY_CODE_USED = "sign-in.code-used"
    SETUP_LINK_MADE = "setup-link.made"
    SETUP_DONE = "setup.done"
    ORGANIZATION_CREATED = "organization.created"
    ORGANIZATION_EDITED = "organization.edited"
    ORGANIZATION_DELETED = "organization.deleted"
    DELETION_ASKED = "organization.deletion-asked"
    DELETION_CANCELLED = "organization.deletion-cancelled"
    PROVIDER_SET = "organization.provider-set"
    PROVIDER_REMOVED = "organization.provider-removed"
    IDENTITY_LINKED = "member.identity-linked"
    IDENTITY_UNLINKED = "member.identity-unlinked"
    SECOND_FACTOR_ASKED = "organization.second-factor"
    ENVIRONMENT_ADDED = "environment.added"
    ENVIRONMENT_EDITED = "environment.edited"
    ENVIRONMENT_MOVED = "environment.moved"
    ENVIRONMENT_ARCHIVED = "environment.archived"
    ENVIRONMENT_BROUGHT_BACK = "environment.brought-back"
    INVITATION_MADE = "invitation.made"
    INVITATION_REVOKED = "invitation.revoked"
    MEMBER_JOINED = "member.joined"
    MEMBER_REMOVED = "member.removed"
    ORGANIZATION_ROLE_CHANGED = "organization-role.changed"
    ENVIRONMENT_ROLE_CHANGED = "environment-role.changed"
    TEAM_CREATED = "team.created"
    TEAM_EDITED = "team.edited"
    TEAM_DELETED = "team.deleted"
    TEAM_ARCHIVED = "team.archived"
    TEAM_BROUGHT_BACK = "team.brought-back"
    TEAM_MEMBER_ADDED = "team-member.added"
    TEAM_MEMBER_REMOVED = "team-member.removed"
    TEAM_ISSUING_CHANGED = "team-issuing.changed"
    TEAM_LIMIT_CHANGED = "team.limit-changed"
    KEY_CREATED = "key.created"
    KEY_EDITED = "key.edited"
    KEY_EXPIRY_CHANGED = "key.expiry-changed"
    KEY_MOVED = "key.moved"
    KEY_DISABLED = "key.disabled"
    KEY_ENABLED = "key.enabled"
    KEY_DELETED = "key.deleted"
    KEY_FAILING = "key.failing"
    KEY_WORKING = "key.working"
    KEY_SCOPE_SHORT = "key.scope-short"
    KEY_SCOPE_WHOLE = "key.scope-whole"
    SECRET_MADE = "secret.made"
    SECRET_SEEN = "secret.seen"
    SECRET_COLLECTED = "secret.collected"
    SECRET_DISCARDED = "secret.discarded"
    SECRET_REVOKED = "secret.revoked"
    SECRET_LAPSED = "secret.lapsed"
    SECRET_ENTERED = "secret.entered"
    SECRET_RETIRED = "secret.retired"
    SECRET_LEAKED = "secret.leaked"
    SECRET_PROVEN = "secret.proven"
    SECRET_PROVEN_DEAD = "secret.proven-dead"
    SECRET_STILL_ACCEPTED = "secret.still-accepted"
    SECRET_HELD = "secret.held"
    PUBLIC_KEY_ADDED = "public-key.added"
    PUBLIC_KEY_EXPIRY_CHANGED = "public-key.expiry-changed"
    PUBLIC_KEY_REVOKED = "public-key.revoked"
    KEY_SET_ENTERED = "key-set.entered"
    KEY_SET_REMOVED = "key-set.removed"
    KEY_SET_ASKED = "key-set.asked"
    KEY_SET_UNREADABLE = "key-set.unreadable"
    KEY_SET_READABLE = "key-set.readable"
    ROTATION_PREPARED = "rotation.prepared"
    ROTATION_STARTED = "rotation.started"
    ROTATION_EXTENDED = "rotation.extended"
    ROTATION_PRESSED = "rotation.pressed"
    ROTATION_DISCARDED = "rotation.discarded"
    ROTATION_LAPSED = "rotation.lapsed"
    ROTATION_ENDED = "rotation.ended"
    KEY_PLUGGED_IN = "key.plugged-in"
    ENDPOINT_ADDED = "endpoint.added"
    ENDPOINT_RENAMED = "endpoint.renamed"
    ENDPOINT_REPLACED = "endpoint.replaced"
    ENDPOINT_ENDED = "endpoint.ended"
    ENDPOINT_TROUBLED = "endpoint.troubled"
    ENDPOINT_RECOVERED = "endpoint.recovered"
    POLICY_CHANGED = "policy.changed"
    SIGNING_KEY_RENEWED = "signing-key.renewed"
    BATCH_STARTED = "batch.started"
    BATCH_STOPPED = "batch.stopped"
    BATCH_CONTINUED = "batch.continued"
    BATCH_CANCELLED = "batch.cancelled"
    BATCH_ENDED = "batch.ended"
    WEBHOOK_ADDED = "webhook.added"
    WEBHOOK_TRIED = "webhook.tried"
    WEBHOOK_ENDED = "webhook.ended"
    KEYS_EXPORTED = "keys.exported"
    LOG_EXPORTED = "log.exported"
    LOG_DOWNLOADED = "log.downloaded"
    LOG_CHECKED = "log.checked"
    LOG_RETENTION_CHANGED = "log.retention-changed"
    LOG_SHORTENED = "log.shortened"
    DATA_EXPORTED = "data.exported"
    DATA_DOWNLOADED = "data.downloaded"
    APPROVAL_ASKED = "approval.asked"
    APPROVAL_GIVEN = "approval.given"
    APPROVAL_REJECTED = "approval.rejected"
    APPROVAL_WITHDRAWN = "approval.withdrawn"
    GLASS_BROKEN = "approval.glass-broken"
    GLASS_CLOSED = "approval.glass-closed"
    ACCESS_ASKED = "access.asked"
    ACCESS_GRANTED = "access.granted"
    ACCESS_DECLINED = "access.declined"
    ACCESS_WITHDRAWN = "access.withdrawn"
    TEST_REQUESTED = "test.requested"
    TEST_CANCELLED = "test.cancelled"


SENTENCES: Mapping[Event, str] = {
    Event.DENIED: "was refused:",
    Event.SIGNED_IN: "signed in",
    Event.SIGN_IN_FAILED: "failed to sign in",
    Event.NOT_CONFIRMED: "failed to confirm who they are before an act:",
    Event.SIGNED_OUT: "signed out",
    Event.PASSWORD_CHANGED: "changed their password",
    Event.PASSWORD_RESET: "reset their password",
    Event.SESSION_ENDED: "ended their sessions in another browser:",
    Event.FACTOR_ADDED: "added to their sign-in:",
    Event.FACTOR_REMOVED: "removed from their sign-in:",
    Event.RECOVERY_CODES_MADE: "made new recovery codes, and the old ones void, for",
    Event.RECOVERY_CODES_SEEN: "saw the recovery codes of",
    Event.NOTICES_CHOSEN: "changed what they hear of, and where:",
    Event.RECOVERY_CODE_USED: "used up a recovery code of",
    Event.SETUP_LINK_MADE: "made a set-up link",
    Event.SETUP_DONE: "set up this installation",
    Event.ORGANIZATION_CREATED: "created the organization",
    Event.ORGANIZATION_EDITED: "edited the organization",
    Event.ORGANIZATION_DELETED: "deleted the organization",
    Event.DELETION_ASKED: "asked, seven days ahead, for the end of the organization",
    Event.DELETION_CANCELLED: "cancelled the end of the organization",
    Event.PROVIDER_SET: "set the provider of single sign-on:",
    Event.PROVIDER_REMOVED: "removed the provider of single sign-on:",
    Event.IDENTITY_LINKED: "linked with the organization's provider the account of",
    Event.IDENTITY_UNLINKED: "took back the link with the organization's provider of",
    Event.SECOND_FACTOR_ASKED: "changed whether a second factor is asked of everybody in",
    Event.ENVIRONMENT_ADDED: "added the environment",
    Event.ENVIRONMENT_EDITED: "edited the environment",
    Event.ENVIRONMENT_MOVED: "changed the place in the list of the environment",
    Event.ENVIRONMENT_ARCHIVED: "archived the environment",
    Event.ENVIRONMENT_BROUGHT_BACK: "brought back the environment",
    Event.INVITATION_MADE: "made a one-time link for",
    Event.INVITATION_REVOKED: "withdrew the one-time link for",
    Event.MEMBER_JOINED: "joined the organization:",
    Event.MEMBER_REMOVED: "removed from the organization:",
    Event.ORGANIZATION_ROLE_CHANGED: "changed the organization role of",
    Event.ENVIRONMENT_ROLE_CHANGED: "changed the environment role of",
    Event.TEAM_CREATED: "created the team",
    Event.TEAM_EDITED: "edited the team",
    Event.TEAM_DELETED: "deleted the team",
    Event.TEAM_ARCHIVED: "archived the team",
    Event.TEAM_BROUGHT_BACK: "brought back the team",
    Event.TEAM_MEMBER_ADDED: "set a team role in",
    Event.TEAM_MEMBER_REMOVED: "removed a member from the team",
    Event.TEAM_ISSUING_CHANGED: "changed where the team may issue:",
    Event.TEAM_LIMIT_CHANGED: "changed how many keys the team may own:",
    Event.KEY_CREATED: "created the key",
    Event.KEY_EDITED: "edited the key",
    Event.KEY_EXPIRY_CHANGED: "changed the expiry of",
    Event.KEY_MOVED: "moved to another team the key",
    Event.KEY_DISABLED: "disabled the key",
    Event.KEY_ENABLED: "enabled the key",
    Event.KEY_DELETED: "deleted the key",
    Event.KEY_FAILING: "saw a failure of",
    Event.KEY_WORKING: "saw a recovery of",
    Event.KEY_SCOPE_SHORT: "saw less scope than asked for given to",
    Event.KEY_SCOPE_WHOLE: "saw the whole scope given again to",
    Event.SECRET_MADE: "made a secret for",
    Event.SECRET_SEEN: "saw the secret of",
    Event.SECRET_COLLECTED: "collected the secret of",
    Event.SECRET_DISCARDED: "discarded a secret of",
    Event.SECRET_REVOKED: "revoked a secret of",
    Event.SECRET_LAPSED: "revoked an uncollected secret of",
    Event.SECRET_ENTERED: "entered a secret for",
    Event.SECRET_RETIRED: "retired the old secret of",
    Event.SECRET_LEAKED: "reported as leaked a secret of",
    Event.SECRET_PROVEN: "proved the new secret of",
    Event.SECRET_PROVEN_DEAD: "proved dead the old secret of",
    Event.SECRET_STILL_ACCEPTED: "found still accepted the ended secret of",
    Event.SECRET_HELD: "held the old secret, still in use, of",
    Event.PUBLIC_KEY_ADDED: "added a public key to",
    Event.PUBLIC_KEY_EXPIRY_CHANGED: "changed the expiry of a public key of",
    Event.PUBLIC_KEY_REVOKED: "revoked a public key of",
    Event.KEY_SET_ENTERED: "entered an address of public keys for",
    Event.KEY_SET_REMOVED: "removed the address of public keys of",
    Event.KEY_SET_ASKED: "asked for the key set of",
    Event.KEY_SET_UNREADABLE: "could not read the key set of",
    Event.KEY_SET_READABLE: "could read again the key set of",
    Event.ROTATION_PREPARED: "prepared a rotation of",
    Event.ROTATION_STARTED: "started the rotation of",
    Event.ROTATION_EXTENDED: "extended the grace period of",
    Event.ROTATION_PRESSED: "asked to end the old secret of",
    Event.ROTATION_DISCARDED: "discarded the rotation of",
    Event.ROTATION_LAPSED: "let lapse the rotation of",
    Event.ROTATION_ENDED: "ended the rotation of",
    Event.KEY_PLUGGED_IN: "plugged in the key",
    Event.ENDPOINT_ADDED: "added the token endpoint",
    Event.ENDPOINT_RENAMED: "renamed the token endpoint",
    Event.ENDPOINT_REPLACED: "changed the token endpoint",
    Event.ENDPOINT_ENDED: "ended the token endpoint",
    Event.ENDPOINT_TROUBLED: "found in trouble the token endpoint",
    Event.ENDPOINT_RECOVERED: "found well again the token endpoint",
    Event.POLICY_CHANGED: "changed the policy of",
    Event.SIGNING_KEY_RENEWED: "renewed the signing key of",
    Event.BATCH_STARTED: "started bulk work:",
    Event.BATCH_STOPPED: "stopped, after three failures in a row, bulk work:",
    Event.BATCH_CONTINUED: "continued bulk work:",
    Event.BATCH_CANCELLED: "cancelled the waiting part of bulk work:",
    Event.BATCH_ENDED: "ended bulk work:",
    Event.WEBHOOK_ADDED: "added the webhook",
    Event.WEBHOOK_TRIED: "tried the webhook",
    Event.WEBHOOK_ENDED: "ended the webhook",
    Event.KEYS_EXPORTED: "exported a list of keys:",
    Event.LOG_EXPORTED: "exported from the log",
    Event.LOG_DOWNLOADED: "downloaded an export of the log:",
    Event.LOG_CHECKED: "asked whether the log is what was written:",
    Event.LOG_RETENTION_CHANGED: "changed how long the log is kept:",
    Event.LOG_SHORTENED: "removed old entries of the log:",
    Event.DATA_EXPORTED: "had all data put together of",
    Event.DATA_DOWNLOADED: "downloaded all data of",
    Event.APPROVAL_ASKED: "asked for approval to",
    Event.APPROVAL_GIVEN: "approved the request to",
    Event.APPROVAL_REJECTED: "rejected the request to",
    Event.APPROVAL_WITHDRAWN: "withdrew the request to",
    Event.GLASS_BROKEN: "broke the glass, without approval, to",
    Event.GLASS_CLOSED: "looked at and closed the broken glass:",
    Event.ACCESS_ASKED: "asked for access:",
    Event.ACCESS_GRANTED: "granted the access that was asked for by",
    Event.ACCESS_DECLINED: "declined the access that was asked for by",
    Event.ACCESS_WITHDRAWN: "withdrew the request for access:",
    Event.TEST_REQUESTED: "asked for a test of",
    Event.TEST_CANCELLED: "cancelled a test of",
}

TOPICS: Mapping[str, tuple[str, frozenset[str]]] = {
    "keys": ("Keys and what proves them", frozenset({"key", "secret", "public-key", "key-set"})),
    "rotations": ("Rotations", frozenset({"rotation"})),
    "endpoints": ("Token endpoints and signing keys", frozenset({"endpoint", "signing-key"})),
    "tests": ("Tests and bulk work asked for", frozenset({"test", "batch"})),
    "people": (
        "People, teams and roles",
        frozenset(
            {
                *("member", "invitation", "organization-role", "environment-role"),
                *("team", "team-member", "team-issuing"),
            }
        ),
    ),
    "settings": (
        "Settings, policies and exports",
        frozenset({"organization", "environment", "policy", "keys", "log", "webhook", "data"}),
    ),
    "approvals": (
        "Approvals and requests for access",
        frozenset(
            {
                *("approval", "access.asked", "access.granted"),
                *("access.declined", "access.withdrawn"),
            }
        ),
    ),
    "refusals": ("What was refused", frozenset({"access.denied"})),
}
"""What happens in an organization, as a person picks it: (words, events or first parts of their names)."""
