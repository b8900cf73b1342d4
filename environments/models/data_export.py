"""All that is known of an organization, as one archive that a worker puts together."""

from django.db import models

from environments.models.log_work import LogWork, LogWorkQuerySet
from environments.models.places import Organization
from environments.models.words import opaque_id


class DataExport(LogWork):
    organization = models.ForeignKey(Organization, models.CASCADE, related_name="data_exports")
    public_id = models.CharField(max_length=20, unique=True, default=opaque_id, editable=False)
    size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    """Of the whole file, in hex."""

    objects = LogWorkQuerySet["DataExport"].as_manager()

    def __str__(self) -> str:
        return self.public_id


class DataExportPart(models.Model):
    """A piece of the file: one after the other they are the archive."""

    export = models.ForeignKey(DataExport, models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["export", "number"], name="data_export_part_once")
        ]

    def __str__(self) -> str:
        return f"{self.export_id}/{self.number}"
