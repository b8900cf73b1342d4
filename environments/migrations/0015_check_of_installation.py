import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("environments", "0014_log_kept"),
    ]

    operations = [
        migrations.AlterField(
            model_name="logcheck",
            name="organization",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="environments.organization",
            ),
        ),
    ]
