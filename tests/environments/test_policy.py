"""The table of design part 3, written out again as a picture and compared cell by cell."""

from environments.policy import (
    GRANTS,
    ORGANIZATION_GRANTS,
    SENTENCES,
    Action,
    EnvironmentRole,
    OrgAction,
    OrganizationRole,
    TeamRole,
    grantable,
    team_grants,
)

KEYS = """
                viewer support engineer | lead lead-may-not-issue member
key:view           x      x       x     |  x          x             x
key:test           .      x       x     |  x          x             x
key:create         .      .       x     |  x          .             .
key:rotate         .      .       x     |  x          .             .
key:edit           .      .       x     |  x          x             .
key:disable        .      .       x     |  x          x             .
key:revoke         .      .       x     |  x          x             .
key:move           .      .       x     |  .          .             .
key:delete         .      .       x     |  .          .             .
endpoint:add       .      .       x     |  .          .             .
key:approve        .      .       x     |  .          .             .
key:log            .      x       x     |  x          x             x
"""

ORGANIZATION = """
                          member admin owner
organization:view            x     x     x
organization:edit            .     .     x
organization:delete          .     .     x
roles:view                   .     x     x
roles:manage                 .     .     x
sign-on:manage               .     .     x
members:invite               .     x     x
environment-roles:manage     .     x     x
teams:manage                 .     x     x
log:read                     .     .     x
approvals:decide             .     .     x
access:ask                   x     x     x
"""


def drawn(columns, actions):
    """The picture of what the code grants, as rows of action and cells."""
    return {
        action.value: ["x" if action in held else "." for held in columns] for action in actions
    }


def read(picture):
    rows = [line.replace("|", " ").split() for line in picture.strip().splitlines()[1:]]
    return {row[0]: row[1:] for row in rows}


def test_the_picture_of_the_key_rights_is_what_the_code_grants():
    columns = [
        *(GRANTS[role] for role in EnvironmentRole),
        team_grants(TeamRole.LEAD, may_issue=True),
        team_grants(TeamRole.LEAD, may_issue=False),
        team_grants(TeamRole.MEMBER, may_issue=True),
    ]
    assert drawn(columns, Action) == read(KEYS)


def test_the_picture_of_the_organization_rights_is_what_the_code_grants():
    columns = [ORGANIZATION_GRANTS[role] for role in OrganizationRole]
    assert drawn(columns, OrgAction) == read(ORGANIZATION)


def test_every_right_has_a_sentence_for_the_screens():
    assert set(SENTENCES) == {*OrgAction, *Action}


def test_nobody_hands_out_more_than_they_hold():
    assert list(grantable(OrganizationRole.MEMBER)) == []
    assert list(grantable(OrganizationRole.ADMIN)) == [
        OrganizationRole.MEMBER,
        OrganizationRole.ADMIN,
    ]
    assert list(grantable(OrganizationRole.OWNER)) == list(OrganizationRole)
