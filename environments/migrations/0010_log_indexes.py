from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("environments", "0009_second_factor"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="auditevent",
            name="audit_subject",
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(fields=["organization_id", "-at", "-sequence"], name="audit_newest"),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                fields=["organization_id", "subject", "-at", "-sequence"], name="audit_about"
            ),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                fields=["organization_id", "event", "-at", "-sequence"], name="audit_event"
            ),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                fields=["organization_id", "environment", "-at", "-sequence"], name="audit_place"
            ),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                fields=["organization_id", "actor_id", "-at", "-sequence"], name="audit_actor"
            ),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                fields=["organization_id", "address", "-at", "-sequence"], name="audit_address"
            ),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                condition=models.Q(("denied", True)),
                fields=["organization_id", "-at", "-sequence"],
                name="audit_refused",
            ),
        ),
    ]
