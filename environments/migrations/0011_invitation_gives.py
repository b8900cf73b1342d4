import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("environments", "0010_log_indexes"),
    ]

    operations = [
        migrations.AddField(
            model_name="invitation",
            name="environment_roles",
            field=models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddField(
            model_name="invitation",
            name="mail_trouble",
            field=models.CharField(blank=True, db_default="", max_length=200),
        ),
        migrations.AddField(
            model_name="invitation",
            name="mailed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="invitation",
            name="note",
            field=models.CharField(blank=True, db_default="", max_length=300),
        ),
        migrations.AddField(
            model_name="invitation",
            name="team",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="environments.team",
            ),
        ),
        migrations.AddField(
            model_name="invitation",
            name="team_role",
            field=models.CharField(
                blank=True,
                choices=[("member", "Member"), ("lead", "Lead")],
                db_default="",
                max_length=6,
            ),
        ),
    ]
