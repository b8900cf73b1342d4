"""The table: one row for each address, and every cell that follows. An address without a row fails the build."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from environments.policy import Action, OrgAction
from tests.rights.people import PEOPLE, PLAIN, Person
from tests.rights.rows import (
    ACT,
    FORM,
    NOT_TAKEN,
    READ,
    Answer,
    InPlace,
    OnAccess,
    OnAcme,
    OnHandover,
    OnKey,
    OnMember,
    OnRequest,
    OnTeam,
    Own,
    Row,
    Target,
)


def _each(row: Row, names: str, space: str = "") -> dict[str, Row]:
    return {f"{space}{name}": row for name in names.split()}


def _on_key(methods: str, action: Action, names: str) -> dict[str, Row]:
    return _each(OnKey(methods=methods, action=action), names, "keys:")


def _on_acme(methods: str, action: OrgAction, names: str) -> dict[str, Row]:
    return _each(OnAcme(methods=methods, action=action), names)


OF_KEYS: Mapping[str, Row] = {
    **_on_key(READ, Action.VIEW, "detail switch postman key_set test_run rotation signed_test"),
    **_on_key(ACT, Action.TEST, "test cancel_test fetch_key_set"),
    **_on_key(FORM, Action.TEST, "sign"),
    **_on_key(FORM, Action.EDIT, "edit expiry public_key_expiry"),
    **_on_key(FORM, Action.MOVE, "move"),
    **_on_key(FORM, Action.DISABLE, "disable"),
    **_on_key(ACT, Action.DISABLE, "enable"),
    **_on_key(FORM, Action.REVOKE, "revoke leak remove_public_key switch_end"),
    **_on_key(FORM, Action.ROTATE, "rotate retire discard add_public_key change_key_set"),
    **_on_key(FORM, Action.ROTATE, "remove_key_set"),
    **_on_key(ACT, Action.ROTATE, "extend"),
    **_on_key(FORM, Action.DELETE, "delete"),
    "keys:enter": OnKey(methods=FORM, action=Action.ROTATE, imported=True),
    "keys:secret": OnHandover(methods=FORM, action=Action.VIEW),
}
OF_PLACES: Mapping[str, Row] = {
    **_each(InPlace(methods=READ, action=Action.VIEW), "environment export_environment endpoints", "keys:"),
    **_each(InPlace(methods=FORM, action=Action.CREATE), "create plug_in", "keys:"),
    **_each(InPlace(methods=FORM, action=Action.ADD_ENDPOINT), "add_endpoint change_endpoint end_endpoint", "keys:"),
    "environments:environment_log": InPlace(methods=READ, action=Action.READ_LOG),
}  # fmt: skip
OF_ACME: Mapping[str, Row] = {
    **_on_acme(READ, OrgAction.VIEW, "overview search keys:everywhere keys:export keys:expiries"),
    **_on_acme(READ, OrgAction.VIEW, "environments:members environments:matrix environments:teams"),
    **_on_acme(
        READ, OrgAction.VIEW, "environments:team environments:approvals environments:notices"
    ),
    **_on_acme(ACT, OrgAction.VIEW, "environments:read_all_notices unlink"),
    **_on_acme(FORM, OrgAction.VIEW, "confirm_link"),
    "link": OnAcme(methods=READ, action=OrgAction.VIEW, empty=READ),  # Acme has no provider here
    "keys:bulk_new": OnAcme(
        methods=FORM, action=OrgAction.VIEW, asked="act=test", sent={"act": "test"}
    ),
    **_on_acme(FORM, OrgAction.ASK_ACCESS, "environments:ask_access"),
    "environments:ask_approval": OnAcme(methods=ACT, action=OrgAction.ASK_ACCESS, empty=ACT),
    **_on_acme(READ, OrgAction.VIEW_ROLES, "environments:person environments:who_can"),
    **_on_acme(READ, OrgAction.MANAGE_ENVIRONMENT_ROLES, "environments:edit_roles"),
    **_on_acme(FORM, OrgAction.MANAGE_ENVIRONMENT_ROLES, "environments:review_roles"),
    **_on_acme(FORM, OrgAction.INVITE, "environments:invite"),
    **_on_acme(READ, OrgAction.INVITE, "environments:invitations keys:known_secrets"),
    **_on_acme(ACT, OrgAction.INVITE, "environments:invite_again environments:withdraw"),
    **_on_acme(FORM, OrgAction.MANAGE_TEAMS, "environments:new_team environments:edit_team"),
    **_on_acme(FORM, OrgAction.MANAGE_TEAMS, "environments:issuing environments:delete_team"),
    **_on_acme(FORM, OrgAction.MANAGE_TEAMS, "environments:team_limit keys:archive_team"),
    **_on_acme(FORM, OrgAction.MANAGE_TEAMS, "environments:bring_back_team"),
    **_on_acme(FORM, OrgAction.MANAGE_SIGN_ON, "environments:sign_on provider"),
    **_on_acme(ACT, OrgAction.MANAGE_SIGN_ON, "remove_provider"),
    **_on_acme(FORM, OrgAction.EDIT, "environments:settings environments:new_environment"),
    **_on_acme(FORM, OrgAction.EDIT, "environments:edit_environment keys:policy keys:add_webhook"),
    **_on_acme(FORM, OrgAction.EDIT, "keys:end_webhook environments:log_retention"),
    **_on_acme(READ, OrgAction.EDIT, "environments:environments keys:webhooks keys:webhook"),
    **_on_acme(ACT, OrgAction.EDIT, "environments:order_environment keys:try_webhook"),
    **_on_acme(ACT, OrgAction.EDIT, "put_away_first_steps"),
    **_on_acme(FORM, OrgAction.EDIT, "keys:archive_environment"),
    **_on_acme(FORM, OrgAction.READ_LOG, "keys:data_export"),
    **_on_acme(READ, OrgAction.READ_LOG, "keys:data_file"),
    "keys:data_download": OnAcme(methods=READ, action=OrgAction.READ_LOG, empty=READ),
    **_on_acme(FORM, OrgAction.EDIT, "environments:bring_back_environment"),
    **_on_acme(READ, OrgAction.DELETE, "environments:danger"),
    **_on_acme(FORM, OrgAction.DELETE, "environments:delete_organization"),
    **_on_acme(ACT, OrgAction.DELETE, "environments:keep_organization"),
    **_on_acme(READ, OrgAction.READ_LOG, "environments:log environments:log_export"),
    "environments:log_export_file": OnAcme(methods=READ, action=OrgAction.READ_LOG, empty=READ),
    **_on_acme(FORM, OrgAction.READ_LOG, "environments:export_log"),
    **_on_acme(ACT, OrgAction.READ_LOG, "environments:check_log"),
    "environments:team_member": OnTeam(methods=FORM),
    "keys:remove_member": OnMember(methods=FORM, action=OrgAction.INVITE),
    "keys:batch": Own(methods=READ, action=OrgAction.VIEW),
    **_each(
        Own(methods=ACT, action=OrgAction.VIEW), "batch_cancel batch_retry batch_go_on", "keys:"
    ),
    "environments:read_notice": Own(methods=ACT, action=OrgAction.VIEW),
    "environments:access_request": OnAccess(methods=READ, by="seen"),
    "environments:withdraw_access": OnAccess(methods=ACT, action=OrgAction.ASK_ACCESS, by="asker"),
    "environments:grant_access": OnAccess(
        methods=FORM, action=OrgAction.MANAGE_ENVIRONMENT_ROLES, by="giver"
    ),
    "environments:decline_access": OnAccess(
        methods=ACT, action=OrgAction.MANAGE_ENVIRONMENT_ROLES, by="giver"
    ),
    "environments:approval": OnRequest(methods=READ, by="seen"),
    **_each(OnRequest(methods=ACT, by="decider"), "approve reject", "environments:"),
    "environments:withdraw_request": OnRequest(methods=ACT, by="asker"),
    "environments:break_glass": OnRequest(methods=FORM, action=OrgAction.APPROVE, by="owner"),
    "environments:close_glass": OnRequest(methods=ACT, action=OrgAction.APPROVE, by="second"),
}
ROWS: Mapping[str, Row] = {**OF_KEYS, **OF_PLACES, **OF_ACME}


def _named(**by_methods: str) -> dict[str, str]:
    methods = {"read": READ, "form": FORM, "act": ACT}
    return {name: methods[kind] for kind, names in by_methods.items() for name in names.split()}


ANYBODY = _named(
    read="livez readyz error_codes environments:audit_keys sso_choose sso sso_start sso_callback "
    "setup_link account_inactive account_reset_password_done account_reset_password_from_key_done",
    form="setup join account_login account_logout account_signup account_reset_password",
    act="theme",
)
"""In no place: open to whoever asks."""
THEMSELVES = _named(
    read="home links activity access sessions mfa_index mfa_list_webauthn "
    "mfa_view_recovery_codes mfa_download_recovery_codes",
    form="account notifications environments:new_organization account_email account_change_password "
    "account_set_password account_reauthenticate mfa_reauthenticate mfa_reauthenticate_webauthn "
    "mfa_activate_totp mfa_deactivate_totp mfa_add_webauthn mfa_edit_webauthn "
    "mfa_remove_webauthn mfa_generate_recovery_codes",
    act="look shortcuts end_session end_other_sessions",
)
"""In no place: about whoever is signed in."""
STEPS = _named(
    read="account_email_verification_sent",
    form="mfa_authenticate mfa_login_webauthn account_confirm_login_code",
)
"""Of a sign-in that has begun; where none has, they lead to its beginning."""
WITHOUT_A_PLACE = {**ANYBODY, **THEMSELVES, **STEPS}
OF_ALLAUTH = ("account_", "mfa_")
"""Its views say by themselves what they take."""


class Cell(NamedTuple):
    person: Person | None
    """None: not signed in."""
    address: str
    method: str
    target: Target
    answer: Answer


def cells_of(person: Person) -> Iterator[Cell]:
    for address, row in ROWS.items():
        for method, target, answer in row.cells(person):
            yield Cell(person, address, method, target, answer)


def cells_outside() -> Iterator[Cell]:
    """In no place, for who is not signed in and for who is; and every place for who is not."""
    placed = {address: row.methods for address, row in ROWS.items()}
    for address, methods in {**WITHOUT_A_PLACE, **placed}.items():
        for method in methods.split():
            shut = Answer.IN if address in ANYBODY else Answer.SIGN_IN
            yield Cell(None, address, method, Target(), shut)
            if address not in placed:
                yield Cell(PLAIN, address, method, Target(), Answer.IN)
        if not (address in placed or address.startswith(OF_ALLAUTH)):
            yield Cell(PLAIN, address, NOT_TAKEN[methods], Target(), Answer.NOT_TAKEN)


def every_cell() -> Iterator[Cell]:
    yield from cells_outside()
    for person in PEOPLE:
        yield from cells_of(person)
