from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("environments", "0018_team_limit"),
    ]

    operations = [
        migrations.AddField(
            model_name="team",
            name="archived_at",
            field=models.DateTimeField(null=True),
        ),
    ]
