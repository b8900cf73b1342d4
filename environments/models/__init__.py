"""People and places: users, organizations, environments, teams, the three kinds of role, notices, the audit rows."""

from environments.models.access_request import AccessRequest
from environments.models.data_export import DataExport, DataExportPart
from environments.models.deletion import Deletion
from environments.models.hearing import DailyLetter, NoticeChoice
from environments.models.invitation import Invitation
from environments.models.log import AuditCheckpoint, AuditFloor, AuditSignedHead
from environments.models.log_work import LogCheck, LogExport, LogExportPart
from environments.models.notice import ByMail, Notice, NoticeQuerySet, Topic
from environments.models.permit import Decision, Permit, PermitQuerySet
from environments.models.places import (
    Environment,
    EnvironmentGrant,
    Kind,
    Member,
    Organization,
    Team,
    TeamMember,
)
from environments.models.records import AuditEvent, AuditHead, Heartbeat
from environments.models.session import Session
from environments.models.sign_on import Identity, IdentityProvider
from environments.models.user import User, UserManager
from environments.models.words import BASE32, LARGEST, choices, opaque_id

__all__ = [
    "BASE32",
    "LARGEST",
    "AccessRequest",
    "AuditCheckpoint",
    "AuditEvent",
    "AuditFloor",
    "AuditHead",
    "AuditSignedHead",
    "ByMail",
    "DailyLetter",
    "DataExport",
    "DataExportPart",
    "Decision",
    "Deletion",
    "Environment",
    "EnvironmentGrant",
    "Heartbeat",
    "Identity",
    "IdentityProvider",
    "Invitation",
    "Kind",
    "LogCheck",
    "LogExport",
    "LogExportPart",
    "Member",
    "Notice",
    "NoticeChoice",
    "NoticeQuerySet",
    "Organization",
    "Permit",
    "PermitQuerySet",
    "Session",
    "Team",
    "TeamMember",
    "Topic",
    "User",
    "UserManager",
    "choices",
    "opaque_id",
]
