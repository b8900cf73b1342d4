"""How many rows there are, as one number inside of another statement."""

from django.db.models import IntegerField, Subquery


class Counted(Subquery):
    template = "(SELECT COUNT(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()
