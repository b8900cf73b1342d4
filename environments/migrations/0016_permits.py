import django.db.models.deletion
import django.utils.timezone
import environments.models.words
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("environments", "0015_check_of_installation"),
    ]

    operations = [
        migrations.AddField(
            model_name="environment",
            name="approvals_create",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="environment",
            name="approvals_delete",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="environment",
            name="approvals_policy",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="environment",
            name="approvals_roles",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="environment",
            name="approvals_rotate",
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.CreateModel(
            name="Permit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "public_id",
                    models.CharField(
                        default=environments.models.words.opaque_id,
                        editable=False,
                        max_length=20,
                        unique=True,
                    ),
                ),
                (
                    "act",
                    models.CharField(
                        choices=[
                            ("create", "Create"),
                            ("rotate", "Rotate"),
                            ("delete", "Delete"),
                            ("roles", "Roles"),
                            ("policy", "Policy"),
                        ],
                        max_length=8,
                    ),
                ),
                ("subject", models.CharField(max_length=120)),
                ("label", models.CharField(max_length=254)),
                ("before", models.JSONField(default=dict)),
                ("after", models.JSONField(default=dict)),
                ("digest", models.CharField(max_length=64)),
                ("page", models.CharField(max_length=4000)),
                ("reason", models.CharField(max_length=200)),
                ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ends_at", models.DateTimeField()),
                ("spent_at", models.DateTimeField(null=True)),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("rejected_at", models.DateTimeField(null=True)),
                ("overtaken_at", models.DateTimeField(null=True)),
                ("glass_broken_at", models.DateTimeField(null=True)),
                ("glass_reason", models.CharField(blank=True, max_length=200)),
                ("glass_closed_at", models.DateTimeField(null=True)),
                ("glass_note", models.CharField(blank=True, max_length=200)),
                (
                    "asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "environment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="permits",
                        to="environments.environment",
                    ),
                ),
                (
                    "glass_closed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="permits",
                        to="environments.organization",
                    ),
                ),
                (
                    "rejected_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Decision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("approved_at", models.DateTimeField(null=True)),
                ("rejected_at", models.DateTimeField(null=True)),
                ("note", models.CharField(blank=True, max_length=200)),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "permit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="decisions",
                        to="environments.permit",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="permit",
            index=models.Index(fields=["organization", "-asked_at"], name="permit_newest"),
        ),
        migrations.AddIndex(
            model_name="permit",
            index=models.Index(
                condition=models.Q(
                    ("overtaken_at", None),
                    ("rejected_at", None),
                    ("spent_at", None),
                    ("withdrawn_at", None),
                ),
                fields=["organization", "subject"],
                name="permit_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(
                fields=("permit", "by"), name="one_decision_per_person"
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(("approved_at", None), ("rejected_at", None), _connector="XOR"),
                name="approved_or_rejected",
            ),
        ),
    ]
