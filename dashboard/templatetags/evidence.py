"""{% evidence scope permit as found %}: the page of a request stands below the floor that knows keys."""

from django import template

from dashboard.evidence import Evidence
from dashboard.evidence import evidence as look
from environments.access import OrgScope
from environments.models import Permit

register = template.Library()


@register.simple_tag
def evidence(scope: OrgScope, permit: Permit) -> Evidence:
    return look(scope, permit)
