from django.db import migrations, models

from environments.append_only import drop_triggers, install_triggers


def install(apps, schema_editor):
    install_triggers(schema_editor.connection)


def drop(apps, schema_editor):
    drop_triggers(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [
        ("environments", "0006_signing_algorithm"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditCheckpoint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("serial", models.BigIntegerField(unique=True)),
                ("at", models.DateTimeField()),
                ("count", models.IntegerField()),
                ("root", models.CharField(max_length=64)),
                ("previous", models.CharField(max_length=64)),
                ("key_id", models.CharField(max_length=16)),
                ("signature", models.CharField(max_length=90)),
                ("witnessed_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("witnessed_at", None)),
                        fields=["serial"],
                        name="checkpoint_unwitnessed",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditFloor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("organization_id", models.BigIntegerField()),
                ("sequence", models.BigIntegerField()),
                ("digest", models.CharField(max_length=64)),
                ("asked_at", models.DateTimeField()),
                ("reason", models.CharField(max_length=120)),
                ("key_id", models.CharField(blank=True, default="", max_length=16)),
                ("signature", models.CharField(blank=True, default="", max_length=90)),
                ("emptied_at", models.DateTimeField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization_id", "sequence"), name="one_floor_here"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditSignedHead",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("serial", models.BigIntegerField(db_index=True)),
                ("organization_id", models.BigIntegerField()),
                ("sequence", models.BigIntegerField()),
                ("digest", models.CharField(max_length=64)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization_id", "sequence"), name="signed_head_once"
                    )
                ],
            },
        ),
        migrations.RunPython(install, drop),
    ]
