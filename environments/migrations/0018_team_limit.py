from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("environments", "0017_access_requests"),
    ]

    operations = [
        migrations.AddField(
            model_name="team",
            name="most_keys",
            field=models.PositiveIntegerField(blank=True, null=True),
        ),
    ]
