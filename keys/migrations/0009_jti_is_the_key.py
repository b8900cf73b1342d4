import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """A table cannot get another primary key: a new one takes the rows along, or what was spent could be used again."""

    dependencies = [("keys", "0008_hours_of_use")]

    operations = [
        migrations.RenameModel("SpentAssertion", "FormerSpentAssertion"),
        migrations.CreateModel(
            name="SpentAssertion",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "key_id",
                        "mark",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("mark", models.BinaryField(max_length=32)),
                ("kept_until", models.DateTimeField()),
                (
                    "key",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="keys.key",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(
            "INSERT INTO keys_spentassertion (key_id, mark, kept_until) "
            "SELECT key_id, mark, kept_until FROM keys_formerspentassertion",
            "INSERT INTO keys_formerspentassertion (key_id, mark, kept_until) "
            "SELECT key_id, mark, kept_until FROM keys_spentassertion",
        ),
        migrations.DeleteModel("FormerSpentAssertion"),
    ]
