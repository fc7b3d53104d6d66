from itertools import groupby
from typing import Any

import django.db.models.deletion
from django.db import migrations, models

BATCH = 500


def number_turns(apps: Any, schema_editor: Any) -> None:
    """Number the turns of every session in the order in which they were read until now."""
    Turn = apps.get_model('sessions_app', 'Turn')
    ordered = Turn.objects.order_by('session_id', 'started_at', 'id').only('id', 'session_id')
    numbered = []
    for _, turns in groupby(ordered.iterator(), key=lambda turn: turn.session_id):
        for number, turn in enumerate(turns, start=1):
            turn.number = turn.place = number
            numbered.append(turn)
            if len(numbered) == BATCH:
                Turn.objects.bulk_update(numbered, ['number', 'place'])
                numbered.clear()
    Turn.objects.bulk_update(numbered, ['number', 'place'])


class Migration(migrations.Migration):

    dependencies = [
        ('sessions_app', '0003_agents_and_staff'),
    ]

    operations = [
        migrations.CreateModel(
            name='TurnState',
            fields=[
                ('session', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='turn_state', serialize=False, to='sessions_app.avatarsession')),
                ('state', models.JSONField()),
            ],
        ),
        migrations.AddField(
            model_name='turn',
            name='sounded',
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name='turn',
            name='source_event_id',
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AddField(
            model_name='turn',
            name='number',
            field=models.PositiveIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='turn',
            name='place',
            field=models.IntegerField(null=True),
        ),
        migrations.RunPython(number_turns, migrations.RunPython.noop),
        migrations.AlterField(
            model_name='turn',
            name='number',
            field=models.PositiveIntegerField(),
        ),
        migrations.AlterField(
            model_name='turn',
            name='place',
            field=models.IntegerField(),
        ),
        migrations.AlterModelOptions(
            name='turn',
            options={'ordering': ['place', 'number']},
        ),
        migrations.AddConstraint(
            model_name='turn',
            constraint=models.UniqueConstraint(fields=('session', 'number'), name='one_row_per_turn'),
        ),
    ]
