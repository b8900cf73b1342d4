"""Whatever is killed, lost or doubled, every rotation comes to its one end and every key keeps a secret that works."""

import pytest

from tests.faults.run import run_faults, run_traffic

pytestmark = [
    pytest.mark.processes,
    pytest.mark.enable_socket,
    pytest.mark.xdist_group("processes"),
]
FAULTS = 60


def test_sixty_faults_cost_no_rotation_and_no_key(tmp_path):
    done = run_faults(tmp_path / "data", FAULTS, seed=7)
    said = done.stdout.strip().splitlines()
    assert done.returncode == 0, done.stdout + done.stderr[-6000:]
    assert said[-1] == f"faults={FAULTS} lost=0 doubled=0 stuck=0"
    assert "audit_gaps=0" in said[-2]


def test_a_client_under_constant_traffic_sees_no_refusal_while_its_key_is_rotated(tmp_path):
    done = run_traffic(tmp_path / "data", 2)
    assert done.returncode == 0, done.stdout + done.stderr[-6000:]
    assert done.stdout.strip().endswith("refused=0 rotations=2 proven_dead=2")
